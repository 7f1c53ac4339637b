"""Commands that make up for fires of the past, and show how it goes."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from typing import Any

import click

from interfaces.cli.job_verbs import each
from interfaces.cli.listing import print_some, takes_limit
from interfaces.cli.output import (
    NOTHING,
    Columns,
    Document,
    clean,
    in_zone,
    member,
    print_document,
    print_one,
    status,
    time_of,
)
from interfaces.cli.parameter_types import Instant
from interfaces.cli.session import Session, calls_server

_ids = click.argument("ids", metavar="BACKFILL...", nargs=-1, required=True)


class DayOrInstant(Instant):
    """A time with its offset, or a day: its midnight in UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, str):
            with suppress(ValueError):
                value = f"{date.fromisoformat(value)}T00:00:00Z"
        return super().convert(value, param, ctx)


@click.command()
@click.argument("job")
@click.option("--from", "since", type=DayOrInstant(), required=True, metavar="TIME", help="The first time that counts.")
@click.option(
    "--to", "until", type=DayOrInstant(), required=True, metavar="TIME", help="The first that does not any more."
)
@click.option("--order", type=click.Choice(["OLDEST_FIRST", "NEWEST_FIRST"]), help="Which times come first.")
@click.option(
    "--overlap", type=click.Choice(["WAIT", "ALLOW"]), help="Beside other tasks of the job (default: as the job)."
)
@click.option("--max-live", type=click.IntRange(1, 1000), metavar="N", help="So many at once (default: 4).")
@click.option("--max-per-minute", type=click.IntRange(1, 60_000), metavar="N", help="So many a minute start at most.")
@click.option("--priority", metavar="PRIORITY", help="Of its tasks (default: LOWEST).")
@click.option("--force", is_flag=True, help="Run also what has run.")
@click.option("--dry-run", is_flag=True, help="Only count, and show the first times.")
@calls_server
def backfill(
    session: Session,
    job: str,
    since: datetime,
    until: datetime,
    max_live: int | None,
    max_per_minute: int | None,
    force: bool,
    dry_run: bool,
    **how: str | None,
) -> None:
    """Make up for fires of the past that did not happen."""
    wish = {"maxLive": max_live, "maxPerMinute": max_per_minute, "force": force or None, **how}
    given = {name: value for name, value in wish.items() if value is not None}
    with session.client() as client:
        made = client.backfill(job, since.isoformat(), until.isoformat(), dry_run=dry_run, **given)
    if session.output != "table":
        print_document(session, made) if session.output != "name" else click.echo(made["id"])
    elif dry_run:
        some = "" if made["exact"] else "at least "
        click.echo(f"{some}{made['count']} fires of {job} would be made up for, {made['alreadyFired']} have happened")
        for at in made["times"]:
            click.echo(f"  {in_zone(at, session.zone)}")
    else:
        click.echo(f"{job} is backfilled\nfollow it: scheduler backfills get {made['id']}")


@click.group()
def backfills() -> None:
    """Look at backfills, rest them, end them."""


@backfills.command("list")
@click.option("--job", metavar="JOB", help="Only those of this job, by name or id.")
@click.option("--status", "state", metavar="STATUS", help="Only those in this status; several with commas.")
@takes_limit
@calls_server
def list_backfills(session: Session, job: str | None, state: str | None, limit: int | None) -> None:
    """List backfills, the newest first."""
    columns: Columns = (
        ("BACKFILL", member("id")),
        ("JOB", member("jobName")),
        ("STATUS", status),
        ("DONE", _done),
        ("FIRED", member("fired")),
        ("FROM", time_of(session, "from")),
        ("TO", time_of(session, "to")),
        ("REASON", member("statusReason")),
    )
    with session.client() as client:
        print_some(session, client.backfills(job=job, status=state), limit, columns, "id")


@backfills.command("get")
@click.argument("id_", metavar="BACKFILL")
@calls_server
def get_backfill(session: Session, id_: str) -> None:
    """Show how far a backfill is, and what it waits for."""
    fields: Columns = (
        ("backfill", member("id")),
        ("job", member("jobName")),
        ("status", status),
        ("reason", member("statusReason")),
        ("done", _done),
        ("fired", member("fired")),
        ("had fired", member("alreadyFired")),
        ("from", time_of(session, "from")),
        ("to", time_of(session, "to")),
        ("order", member("order")),
        ("overlap", member("overlap")),
        ("at once", member("maxLive")),
        ("a minute", member("maxPerMinute")),
        ("forced", lambda found: "yes" if found.get("force") else NOTHING),
        ("started", time_of(session, "createdAt")),
        ("by", member("createdBy")),
        ("ended", time_of(session, "endedAt")),
    )
    with session.client() as client:
        print_one(session, client.get_backfill(id_), fields, "id")


def _verb(verb: str, about: str, takes_reason: bool) -> click.Command:
    def act(session: Session, ids: tuple[str, ...], reason: str | None = None) -> None:
        each(
            session,
            ids,
            lambda client, id_: client.act_on_backfill(id_, verb, reason=reason),
            lambda _, id_, now: f"backfill {clean(id_)} is {clean(now.get('status'))}, {_done(now)} done",
        )

    command = calls_server(act)
    if takes_reason:
        command = click.option("--reason", metavar="TEXT", help="Why; kept and shown with it.")(command)
    return click.command(verb, help=about)(_ids(command))


for _command in (
    _verb("pause", "Create no more of their tasks until they are resumed.", takes_reason=True),
    _verb("resume", "Let them go on where they stood.", takes_reason=False),
    _verb("cancel", "End them; tasks that exist go on.", takes_reason=True),
):
    backfills.add_command(_command)


def _done(found: Document) -> str:
    return f"{100 * float(found.get('progress') or 0):.0f} %"
