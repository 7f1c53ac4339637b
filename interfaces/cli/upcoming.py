"""The command that shows what all jobs will do."""

from __future__ import annotations

from datetime import datetime

import click

from interfaces.cli.output import Columns, Document, clean, in_zone, member, print_document, table, time_of
from interfaces.cli.parameter_types import Instant
from interfaces.cli.session import Session, calls_server


@click.command()
@click.option("--from", "since", type=Instant(), metavar="TIME", help="Not before this time; default: now.")
@click.option("--to", "until", type=Instant(), metavar="TIME", help="Before this time; default: a day later.")
@click.option("--job", metavar="JOB", help="Only this job; several with commas.")
@click.option("--tag", metavar="TAG", help="Only jobs with this tag.")
@click.option("--pool", metavar="POOL", help="Only jobs of this pool.")
@click.option("--type", "type_", metavar="TYPE", help="Only jobs of this type.")
@click.option("--limit", type=click.IntRange(1, 2000), default=50, show_default=True, help="At most so many lines.")
@calls_server
def upcoming(
    session: Session,
    since: datetime | None,
    until: datetime | None,
    job: str | None,
    tag: str | None,
    pool: str | None,
    type_: str | None,
    limit: int,
) -> None:
    """Show the fires to come of all jobs, and the slots that they will need.

    Of a job that fires often there is one line, with how often and until when.
    """
    zone = getattr(session.zone, "key", "UTC")
    with session.client() as client:
        where = {"job": job, "tag": tag, "pool": pool, "type": type_}
        found = client.upcoming(since=since, until=until, **where, tz=zone, limit=str(limit))
    if session.output not in ("table", "name"):
        print_document(session, found)
        return
    columns: Columns = (
        (f"FIRES ({zone})", time_of(session, "plannedAt")),
        ("JOB", member("job")),
        ("POOL", member("pool")),
        ("TAKES", _takes),
        ("", lambda fire: _more(session, fire)),
    )
    click.echo(table(found["items"], columns) if found["items"] else "no fires are planned")
    if found["hasMore"]:
        click.echo(f"there are more than these {limit}: see --limit", err=True)
    for name in found["unreadable"]:
        click.echo(f"{clean(name)}: its definition cannot be used, so nothing is known of its fires", err=True)
    for each in found["pools"]:
        peak = f"needs up to {each['peak']} slots at a time, around {in_zone(each['peakAt'], session.zone)}"
        few = " - too few" if each["slots"] < each["peak"] else ""
        click.echo(f"pool {clean(each['pool'])}: {peak}; it has {each['slots']}{few}")


def _takes(fire: Document) -> str:
    seconds = fire["projectedDurationSeconds"]
    return "-" if seconds is None else f"{seconds:.1f}s"


def _more(session: Session, fire: Document) -> str:
    words = []
    if fire["count"] > 1:
        last = in_zone(fire["lastPlannedAt"], session.zone)
        words.append(f"{fire['count']}{' or more' if fire['hasMore'] else ''} times until {last}")
    if fire["skipped"]:
        words.append(f"skipped by {fire['skipped']['by']}: {fire['skipped']['reason']}")
    elif fire["skippedCount"]:
        words.append(f"{fire['skippedCount']} of them skipped")
    if fire["isEstimate"]:
        words.append("estimated")
    return clean(", ".join(words)) if words else ""
