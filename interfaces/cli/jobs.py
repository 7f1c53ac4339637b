"""Commands that look at jobs."""

from __future__ import annotations

from typing import Any

import click

from interfaces.cli.listing import print_some, takes_limit
from interfaces.cli.output import (
    NOTHING,
    Columns,
    Document,
    clean,
    member,
    print_document,
    print_one,
    status,
    table,
    time_of,
)
from interfaces.cli.session import Session, calls_server


@click.group()
def jobs() -> None:
    """Define jobs, look at them, run and stop them."""


@jobs.command("list")
@click.option("--status", "state", metavar="STATUS", help="Only jobs in this status, like ACTIVE; several with commas.")
@click.option("--name", metavar="NAME", help="Only jobs with this name.")
@click.option("--tag", metavar="TAG", help="Only jobs with this tag.")
@takes_limit
@calls_server
def list_jobs(session: Session, state: str | None, name: str | None, tag: str | None, limit: int | None) -> None:
    """List jobs with their next fires."""
    with session.client() as client:
        print_some(session, client.jobs(status=state, name=name, tag=tag), limit, _columns(session), "name")


@jobs.command("get")
@click.argument("job")
@calls_server
def get_job(session: Session, job: str) -> None:
    """Show one job, by name or id."""
    with session.client() as client:
        print_one(session, client.job(job), _fields(session), "name")


@jobs.command("next")
@click.argument("names", metavar="[JOB]...", nargs=-1)
@click.option("--cron", "expression", metavar="EXPRESSION", help="When this would fire, in the zone of --tz.")
@click.option("--count", type=click.IntRange(1, 100), default=5, show_default=True, help="So many of each.")
@calls_server
def next_fires(session: Session, names: tuple[str, ...], expression: str | None, count: int) -> None:
    """Show when jobs, or a cron expression, will fire next."""
    if bool(names) is (expression is not None):
        raise click.UsageError("Name jobs, or an expression with --cron.")
    with session.client() as client:
        if expression is None:
            outlooks = {name: client.outlook(name, count=count) for name in names}
        else:
            trigger = {"type": "CRON", "expression": expression, "timeZone": getattr(session.zone, "key", "UTC")}
            outlooks = {expression: client.preview(trigger, count=count)}
    fires = [{"job": name, **fire} for name, outlook in outlooks.items() for fire in outlook["fires"]]
    changes = [{"job": name, **change} for name, outlook in outlooks.items() for change in outlook["clockChanges"]]
    if session.output in ("table", "name"):
        columns: Columns = (
            ("JOB", member("job")),
            ("FIRES", time_of(session, "plannedAt")),
            ("BY ITS SCHEDULE", time_of(session, "nominalAt")),
            ("SKIPPED BY", _skipped),
        )
        if not any(fire.get("skipped") for fire in fires):
            columns = columns[:-1]
        click.echo(table(fires, columns) if fires else "no fires are planned")
        for change in changes:
            if change["effect"] != "UNAFFECTED":
                click.echo(f"{clean(change['job'])}: {clean(change['note'])}")
    else:
        print_document(session, {"fires": fires, "clockChanges": changes})


@jobs.command()
@click.argument("job")
@click.option("--decision", help="Only these decisions, separated by commas, such as MISSED,SKIPPED_OVERLAP.")
@click.option("--from", "since", metavar="INSTANT", help="Only fires not before this instant.")
@click.option("--to", "until", metavar="INSTANT", help="Only fires before this instant.")
@takes_limit
@calls_server
def occurrences(
    session: Session, job: str, decision: str | None, since: str | None, until: str | None, limit: int | None
) -> None:
    """Show what became of each planned fire of a job, the newest first."""
    columns: Columns = (
        ("BY ITS SCHEDULE", time_of(session, "nominalAt")),
        ("DECISION", member("decision")),
        ("FIRES", member("count")),
        ("LATE", lambda fire: f"{fire.get('lagSeconds', 0.0):.3f}s"),
        ("TASK", member("taskId")),
        ("REASON", member("reason")),
    )
    with session.client() as client:
        found = client.occurrences(job, decision=decision, since=since, until=until)
        print_some(session, found, limit, columns, "nominalAt")


def _skipped(fire: Document) -> str:
    skipped = fire.get("skipped")
    return clean(f"{skipped['by']}: {skipped['reason']}" if skipped else None)


def trigger_words(job: Document) -> str:
    """A job's trigger on one line."""
    trigger: dict[str, Any] = job.get("trigger") or {}
    kind = trigger.get("type", NOTHING)
    match kind:
        case "CRON":
            return clean(f"{trigger.get('expression')}  {trigger.get('timeZone') or 'UTC'}")
        case "FIXED_RATE":
            return clean(f"every {trigger.get('every')}")
        case "FIXED_DELAY":
            return clean(f"{trigger.get('delay')} after its end")
        case "ONE_TIME":
            return clean(f"once at {trigger.get('at')}")
        case "EVENT":
            return clean(f"on event {trigger.get('eventType')}")
        case _:
            return clean(kind).lower().replace("_", " ")


def _next_fire(session: Session) -> Any:
    instant = time_of(session, "nextFireAt")
    return lambda job: "exhausted" if job.get("exhausted") else instant(job)


def _columns(session: Session) -> Columns:
    return (
        ("NAME", member("name")),
        ("STATUS", status),
        ("TRIGGER", trigger_words),
        ("NEXT FIRE", _next_fire(session)),
        ("LAST FIRE", time_of(session, "lastFireAt")),
    )


def _fields(session: Session) -> Columns:
    return (
        ("name", member("name")),
        ("id", member("id")),
        ("description", member("description")),
        ("status", status),
        ("reason", member("statusReason")),
        ("type", member("type")),
        ("command", lambda job: clean((job.get("parameters") or {}).get("command"))),
        ("trigger", trigger_words),
        ("next fire", _next_fire(session)),
        ("last fire", time_of(session, "lastFireAt")),
        ("overlap", member("overlap")),
        ("misfire", lambda job: clean((job.get("misfire") or {}).get("policy"))),
        ("attempts", lambda job: clean((job.get("retry") or {}).get("maxAttempts"))),
        ("priority", member("priority")),
        ("requires", lambda job: _pairs((job.get("placement") or {}).get("requires"))),
        ("tags", lambda job: clean(", ".join(job.get("tags") or []))),
        ("version", member("version")),
        ("created", time_of(session, "createdAt")),
        ("updated", time_of(session, "updatedAt")),
    )


def _pairs(labels: dict[str, str] | None) -> str:
    return clean(", ".join(f"{name}={value}" for name, value in (labels or {}).items()))
