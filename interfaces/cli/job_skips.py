"""Commands that leave out single fires of a job."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from interfaces.cli.exits import NOT_FOUND, Failure
from interfaces.cli.output import Document, clean, in_zone, print_document
from interfaces.cli.parameter_types import Instant
from interfaces.cli.session import Session, calls_server

if TYPE_CHECKING:
    from scheduler_sdk.client import Client

_LOOKED_AT = 100

_at = click.option(
    "--at", "nominal", type=Instant(), metavar="TIME", help="The fire by its schedule, as `jobs next` shows it."
)


@click.command()
@click.argument("job")
@_at
@click.option("--reason", metavar="TEXT", required=True, help="Why; the ledger will say so.")
@calls_server
def skip(session: Session, job: str, nominal: datetime | None, reason: str) -> None:
    """Leave out one fire of a job: the next one, unless told otherwise."""
    with session.client() as client:
        fire = client.skip(job, nominal or _next(client, job, skipped=False), reason=reason)
    _tell(session, fire, f"{clean(job)} will not fire at")


@click.command()
@click.argument("job")
@_at
@calls_server
def unskip(session: Session, job: str, nominal: datetime | None) -> None:
    """Let a fire that was to be left out run after all: the next such one, unless told otherwise."""
    with session.client() as client:
        fire = client.unskip(job, nominal or _next(client, job, skipped=True))
    _tell(session, fire, f"{clean(job)} will fire at")


def _next(client: Client, job: str, *, skipped: bool) -> datetime:
    for fire in client.next_fires(job, count=_LOOKED_AT):
        if (fire["skipped"] is not None) is skipped:
            return datetime.fromisoformat(fire["nominalAt"])
    which = "that is left out" if skipped else "to come"
    raise Failure(f"{clean(job)} has no fire {which} among its next {_LOOKED_AT}: name one with --at", NOT_FOUND)


def _tell(session: Session, fire: Document, words: str) -> None:
    if session.output in ("table", "name"):
        click.echo(f"{words} {in_zone(fire['nominalAt'], session.zone)}")
    else:
        print_document(session, fire)
