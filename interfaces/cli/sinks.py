"""Commands that look at where events are carried to, and look after what was refused there."""

from __future__ import annotations

import click

from interfaces.cli.listing import print_some, takes_limit
from interfaces.cli.output import Columns, Document, clean, member, print_list, time_of
from interfaces.cli.session import Session, calls_server

_sink = click.argument("sink", metavar="SINK")
_ids = click.argument("ids", metavar="[LETTER]...", nargs=-1)


@click.group()
def sinks() -> None:
    """Look at the sinks of events, and at what they refused."""


@sinks.command("list")
@calls_server
def list_sinks(session: Session) -> None:
    """List where events are carried to, and how far that is."""
    columns: Columns = (
        ("SINK", member("name")),
        ("LATE", lambda sink: f"{float(sink.get('lagSeconds') or 0):.0f}s"),
        ("DEAD", member("deadLetters")),
        ("LOST", member("lost")),
        ("STUCK SINCE", time_of(session, "errorSince")),
        ("AT", member("error")),
    )
    with session.client() as client:
        print_list(session, client.sinks(), columns, "name")


@sinks.command("dead-letters")
@_sink
@takes_limit
@calls_server
def dead_letters(session: Session, sink: str, limit: int | None) -> None:
    """List events that a sink has refused for good, the oldest first."""
    columns: Columns = (
        ("LETTER", member("id")),
        ("EVENT", lambda letter: clean(_event(letter).get("type"))),
        ("SUBJECT", lambda letter: clean(_event(letter).get("subject"))),
        ("REFUSED", time_of(session, "diedAt")),
        ("AGAIN", lambda letter: "yes" if letter.get("due") else "no"),
        ("WHY", member("error")),
    )
    with session.client() as client:
        print_some(session, client.dead_letters(sink), limit, columns, "id")


@sinks.command()
@_sink
@_ids
@calls_server
def redrive(session: Session, sink: str, ids: tuple[str, ...]) -> None:
    """Send dead letters again, all of the sink unless some are named."""
    with session.client() as client:
        click.echo(f"{client.redrive_dead_letters(sink, ids or None)} are sent again")


@sinks.command()
@_sink
@_ids
@click.option("--all", "everything", is_flag=True, help="All of the sink, instead of some that are named.")
@calls_server
def purge(session: Session, sink: str, ids: tuple[str, ...], everything: bool) -> None:
    """Throw dead letters away."""
    if bool(ids) == everything:
        raise click.UsageError("Name the letters, or say --all.")
    with session.client() as client:
        click.echo(f"{client.purge_dead_letters(sink, ids or None)} are thrown away")


def _event(letter: Document) -> Document:
    event: Document = letter.get("event") or {}
    return event
