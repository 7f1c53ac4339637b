"""The command `scheduler`."""

from __future__ import annotations

from bootstrap.launchers import ProductLaunchers
from interfaces.cli.app import scheduler


def main() -> None:
    """Run the command line; launchers import the product only when one of its programs starts."""
    scheduler(obj=ProductLaunchers())
