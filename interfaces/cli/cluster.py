"""Commands that look at the platform as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import click

from interfaces.cli.output import Columns, print_one
from interfaces.cli.session import Session, calls_server

_FIELDS: Columns = (
    ("executors", lambda cluster: _counted(cluster.get("executors"))),
    ("slots", lambda cluster: f"{cluster.get('usedSlots', 0)} of {cluster.get('totalSlots', 0)} used"),
    ("live tasks", lambda cluster: _counted(cluster.get("tasks"))),
)


@click.group()
def cluster() -> None:
    """Look at the platform as a whole."""


@cluster.command("status")
@calls_server
def cluster_status(session: Session) -> None:
    """Count executors, slots and live tasks."""
    with session.client() as client:
        counted = client.cluster()
    nameless = replace(session, output="table") if session.output == "name" else session
    print_one(nameless, counted, _FIELDS, "")


def _counted(numbers: Mapping[str, int] | None) -> str:
    return ", ".join(f"{number} {status}" for status, number in (numbers or {}).items()) or "none"
