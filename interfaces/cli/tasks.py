"""Commands that look at tasks, read their logs and cancel them."""

from __future__ import annotations

from datetime import datetime

import click

from interfaces.cli.listing import print_some, takes_limit
from interfaces.cli.output import (
    NOTHING,
    Columns,
    Document,
    clean,
    in_zone,
    member,
    print_document,
    print_list,
    print_one,
    status,
    table,
    time_of,
)
from interfaces.cli.session import Session, calls_server

_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")


@click.group()
def tasks() -> None:
    """Look at the executions of jobs, read their logs, cancel them."""


@tasks.command("list")
@click.option("--job", metavar="JOB", help="Only tasks of this job, by name or id.")
@click.option("--status", "state", metavar="STATUS", help="Only tasks in this status; several with commas.")
@takes_limit
@calls_server
def list_tasks(session: Session, job: str | None, state: str | None, limit: int | None) -> None:
    """List tasks, the newest first."""
    with session.client() as client:
        print_some(session, client.tasks(job=job, status=state), limit, _columns(session), "id")


@tasks.command("get")
@click.argument("task_id", metavar="TASK")
@calls_server
def get_task(session: Session, task_id: str) -> None:
    """Show one task and its attempts."""
    with session.client() as client:
        task = client.task(task_id)
        print_one(session, task, _fields(session), "id")
        attempts = client.attempts(task_id) if session.output == "table" else []
    if attempts:
        click.echo("\n" + table(attempts, _attempt_columns(session)))


@tasks.command("orphans")
@click.argument("task_id", metavar="TASK")
@calls_server
def list_orphans(session: Session, task_id: str) -> None:
    """List what was reported on a task by executors that had lost it: kept to be seen, it has changed nothing."""
    with session.client() as client:
        found = client.orphans(task_id)
        print_list(session, found, _orphan_columns(session), "token")


@tasks.command()
@click.argument("task_id", metavar="TASK")
@click.option("--follow", "-f", is_flag=True, help="Stay until the task has ended.")
@click.option("--level", type=click.Choice(_LEVELS), help="Only lines from this level up.")
@click.option("--timestamps", "-t", is_flag=True, help="Show when each line was written, and on which stream.")
@calls_server
def logs(session: Session, task_id: str, follow: bool, level: str | None, timestamps: bool) -> None:
    """Read the log of a task."""
    attempt: object = None
    with session.client() as client:
        levels = ",".join(_LEVELS[_LEVELS.index(level) :]) if level else None
        for line in client.task_logs(task_id, follow=follow, level=levels):
            if session.output == "json":
                import json

                click.echo(json.dumps(line, ensure_ascii=False))
                continue
            if attempt not in (None, line.get("attempt")):
                click.echo(f"--- attempt {line.get('attempt')} ---", err=True)
            attempt = line.get("attempt")
            before = f"{in_zone(line.get('at'), session.zone)} {line.get('stream') or NOTHING:6} " if timestamps else ""
            click.echo(before + str(line.get("message", "")))


@tasks.command()
@click.argument("task_id", metavar="TASK")
@click.option("--reason", metavar="TEXT", help="Why; kept and shown with the task.")
@calls_server
def cancel(session: Session, task_id: str, reason: str | None) -> None:
    """Cancel a task; a running command is stopped."""
    with session.client() as client:
        task = client.cancel(task_id, reason=reason)
    if session.output in ("json", "yaml"):
        print_document(session, task)
    else:
        click.echo(task_id if session.output == "name" else f"task {task_id} is {clean(task.get('status'))}")


def _columns(session: Session) -> Columns:
    return (
        ("TASK", member("id")),
        ("JOB", member("jobName")),
        ("STATUS", status),
        ("ATTEMPT", _attempts),
        ("SCHEDULED", time_of(session, "scheduledTime")),
        ("STARTED", time_of(session, "startedAt")),
        ("TOOK", took),
        ("EXECUTOR", member("executorId")),
    )


def _fields(session: Session) -> Columns:
    return (
        ("task", member("id")),
        ("job", member("jobName")),
        ("status", status),
        ("reason", member("statusReason")),
        ("attempt", _attempts),
        ("priority", member("priority")),
        ("scheduled", time_of(session, "scheduledTime")),
        ("ready", time_of(session, "readyAt")),
        ("started", time_of(session, "startedAt")),
        ("ended", time_of(session, "endedAt")),
        ("took", took),
        ("executor", member("executorId")),
        ("progress", _progress),
        ("result", _result),
        ("error", error_words),
    )


def _progress(task: Document) -> str:
    """Where it is, and what it says to that."""
    if task.get("progress") is None:
        return NOTHING
    told = task.get("progressMessage")
    return f"{float(task['progress']):.0%}" + (f": {clean(told)}" if told else "")


def _attempt_columns(session: Session) -> Columns:
    return (
        ("ATTEMPT", member("attempt")),
        ("EXECUTOR", member("executorId")),
        ("STATUS", status),
        ("STARTED", time_of(session, "startedAt")),
        ("ENDED", time_of(session, "endedAt")),
        ("ERROR", error_words),
    )


def _orphan_columns(session: Session) -> Columns:
    return (
        ("TOKEN", member("token")),
        ("EXECUTOR", member("executorId")),
        ("STATUS", status),
        ("REPORTED", time_of(session, "reportedAt")),
        ("ERROR", error_words),
    )


def _attempts(task: Document) -> str:
    return f"{task.get('attempt', 0)}/{task.get('maxAttempts', NOTHING)}"


def _result(task: Document) -> str:
    """As JSON, which is what the handler gave."""
    import json

    result = task.get("result")
    return NOTHING if result is None else clean(json.dumps(result, ensure_ascii=False))


def error_words(document: Document) -> str:
    error = document.get("error") or {}
    return clean(": ".join(str(error[name]) for name in ("code", "message") if error.get(name)))


def took(task: Document) -> str:
    """From the start to the end, in seconds to the millisecond."""
    try:
        begin, end = (datetime.fromisoformat(task[name]) for name in ("startedAt", "endedAt"))
    except (KeyError, TypeError, ValueError):
        return NOTHING
    return f"{(end - begin).total_seconds():.3f}s"
