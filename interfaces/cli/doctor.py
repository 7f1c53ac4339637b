"""`doctor`: looks at everything that has to be right, and says what is not and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from interfaces.cli.exits import FAILED
from interfaces.cli.launchers import Flag, GivenSettings, Launchers
from interfaces.cli.output import clean, print_document
from interfaces.cli.session import Session, calls_server

if TYPE_CHECKING:
    from interfaces.cli.checks import Finding

_COLOURS = {"OK": "green", "WARNING": "yellow", "WRONG": "red"}


@click.command()
@click.option("--database-url", metavar="URL", help="Look at this database and at no server.")
@calls_server
def doctor(session: Session, database_url: str | None) -> None:
    """Look for what is wrong, and say how to mend it.

    Asks the server about all that it needs; with --database-url looks at the database alone, for when no server starts.

    Exit codes: 0 nothing is wrong, though there may be warnings, 1 something is.
    """
    findings = []
    for finding in _server(session) if database_url is None else _database(database_url):
        findings.append(finding)
        if session.output == "table":
            verdict = click.style(f"{finding.verdict:7}", fg=_COLOURS[finding.verdict])
            click.echo(f"{verdict}  {finding.check:9}  {clean(finding.found)}")
            if finding.fix:
                click.echo(f"{'':20}→ {finding.fix}")
        elif session.output == "name" and finding.verdict != "OK":
            click.echo(finding.check)
    if session.output in ("json", "yaml"):
        print_document(session, {"items": [asdict(finding) for finding in findings]})
    if any(finding.verdict == "WRONG" for finding in findings):
        raise click.exceptions.Exit(FAILED)


def _server(session: Session) -> Iterator[Finding]:
    from importlib.metadata import version

    from interfaces.cli.checks import examine

    with session.client() as client:
        yield from examine(client, version("platform-scheduler"))


def _database(url: str) -> Iterator[Finding]:
    from interfaces.cli.database_checks import examine_database

    launchers: Launchers = click.get_current_context().obj
    return examine_database(launchers, GivenSettings(flags=(Flag("--database-url", "database.url", url),)))
