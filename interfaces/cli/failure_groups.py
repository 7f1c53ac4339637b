"""Commands that show what failed alike, and have it tried again."""

from __future__ import annotations

from datetime import datetime

import click

from interfaces.cli.output import Columns, Document, clean, in_zone, member, print_document, print_list, time_of
from interfaces.cli.parameter_types import Instant
from interfaces.cli.session import Session, calls_server

_SHOWN_JOBS = 3

_job = click.option("--job", metavar="JOB", help="Only tasks of this job, by name or id.")
_since = click.option("--since", type=Instant(), metavar="TIME", help="Only what has ended since then.")


@click.group()
def failures() -> None:
    """Look at what failed, alike failures together, and have it tried again."""


@failures.command("list")
@_job
@_since
@calls_server
def list_failures(session: Session, job: str | None, since: datetime | None) -> None:
    """Count failures that are alike, the most frequent first."""
    with session.client() as client:
        groups = client.failure_groups(job=job, since=None if since is None else since.isoformat())
    print_list(session, groups, _columns(session), "fingerprint")


@failures.command()
@click.argument("fingerprint")
@_job
@_since
@click.option("--expect", type=click.IntRange(0), metavar="N", help="So many there must be; without it they are shown.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), metavar="N", help="So many a second, not all at once.")
@click.option("--reason", metavar="TEXT", help="Why; kept and shown with each task.")
@calls_server
def redrive(
    session: Session,
    fingerprint: str,
    job: str | None,
    since: datetime | None,
    expect: int | None,
    rate: float | None,
    reason: str | None,
) -> None:
    """Try every task that failed alike once more, whatever its retry policy says."""
    with session.client() as client:
        done = client.redrive(
            expected=expect,
            fingerprint=fingerprint,
            job=job,
            since=None if since is None else since.isoformat(),
            rate_per_second=rate,
            reason=reason,
        )
    if session.output in ("json", "yaml"):
        print_document(session, done)
    elif expect is None:
        click.echo(f"{done['count']} tasks would be tried again; do it: --expect {done['count']}")
    else:
        last = f", the last at {in_zone(done['lastReadyAt'], session.zone)}" if rate and done["lastReadyAt"] else ""
        click.echo(f"{done['count']} tasks are tried again{last}")


def _columns(session: Session) -> Columns:
    return (
        ("FINGERPRINT", member("fingerprint")),
        ("TASKS", member("count")),
        ("LAST", time_of(session, "lastAt")),
        ("CODE", member("code")),
        ("JOBS", _jobs),
        ("MESSAGE", member("message")),
    )


def _jobs(group: Document) -> str:
    named = [str(job.get("name")) for job in group.get("jobs", ())][:_SHOWN_JOBS]
    more = group.get("jobCount", 0) - len(named)
    return clean(", ".join(named) + (f" and {more} more" if more > 0 else ""))
