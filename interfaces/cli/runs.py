"""Commands that look at runs, and end them."""

from __future__ import annotations

import click

from interfaces.cli.listing import print_some, takes_limit
from interfaces.cli.output import (
    NOTHING,
    Columns,
    Document,
    clean,
    coloured,
    member,
    print_document,
    print_one,
    status,
    table,
    time_of,
)
from interfaces.cli.session import Session, calls_server
from interfaces.cli.tasks import took


@click.group()
def runs() -> None:
    """Look at what began with one task and followed from it by dependencies; end it."""


@runs.command("list")
@click.option("--job", metavar="JOB", help="Only runs that began with this job, by name or id.")
@takes_limit
@calls_server
def list_runs(session: Session, job: str | None, limit: int | None) -> None:
    """List runs, the newest first."""
    columns: Columns = (
        ("RUN", member("runId")),
        ("JOB", member("jobName")),
        ("STATE", _state),
        ("BEGAN", time_of(session, "createdAt")),
        ("TASKS", _counted),
    )
    with session.client() as client:
        print_some(session, client.runs(job=job), limit, columns, "runId")


@runs.command("get")
@click.argument("run_id", metavar="RUN")
@calls_server
def get_run(session: Session, run_id: str) -> None:
    """Show a run with its tasks; a star marks those that its end waited for."""
    with session.client() as client:
        run = client.get_run(run_id)
    fields: Columns = (
        ("run", member("runId")),
        ("job", member("jobName")),
        ("state", _state),
        ("cancelled", member("cancelled")),
        ("started", time_of(session, "startedAt")),
        ("ended", time_of(session, "endedAt")),
        ("took", took),
    )
    print_one(session, run, fields, "runId")
    if session.output != "table":
        return
    critical = set(run["criticalPath"])
    columns: Columns = (
        ("", lambda task: "*" if task["taskId"] in critical else ""),
        ("TASK", member("taskId")),
        ("JOB", member("jobName")),
        ("STATUS", status),
        ("STARTED", time_of(session, "startedAt")),
        ("TOOK", took),
        ("REASON", member("statusReason")),
    )
    click.echo("\n" + table(run["tasks"], columns))


@runs.command("cancel")
@click.argument("run_id", metavar="RUN")
@click.option("--reason", metavar="TEXT", help="Why; kept and shown with the run.")
@calls_server
def cancel_run(session: Session, run_id: str, reason: str | None) -> None:
    """End all of a run that is alive, and let nothing more come of it."""
    with session.client() as client:
        run = client.cancel_run(run_id, reason=reason)
    if session.output in ("json", "yaml"):
        print_document(session, run)
    else:
        click.echo(run_id if session.output == "name" else f"run {clean(run_id)} is {clean(run['state'])}")


def _state(run: Document) -> str:
    return coloured(run.get("state"))


def _counted(run: Document) -> str:
    return clean(", ".join(f"{count} {name}" for name, count in run["tasks"].items())) or NOTHING
