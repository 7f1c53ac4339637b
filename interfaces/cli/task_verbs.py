"""Commands that make tasks and wait for their end."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from interfaces.cli.exits import FAILED, TIMED_OUT, Failure
from interfaces.cli.job_verbs import each
from interfaces.cli.output import NOTHING, Document, clean, in_zone, print_document
from interfaces.cli.parameter_types import Duration, Instant, JsonObject
from interfaces.cli.session import Session, calls_server
from interfaces.cli.tasks import error_words
from scheduler_sdk.client_errors import ApiError, SchedulerError, Unreachable

if TYPE_CHECKING:
    from scheduler_sdk.client import Client
    from scheduler_sdk.shapes import Task

_tasks = click.argument("task_ids", metavar="TASK...", nargs=-1, required=True)
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_PATIENCE = 60.0  # seconds without a server that are waited through: it may be starting anew


@click.command()
@click.argument("job")
@click.option("--at", type=Instant(), metavar="TIME", help="Not before this time, like 2027-01-31T08:00:00+01:00.")
@click.option("--parameters", type=JsonObject(), metavar="JSON", help="Instead of the job's own.")
@click.option("--unique-key", metavar="KEY", help="If a live task has this key, that one is the answer.")
@calls_server
def submit(
    session: Session, job: str, at: datetime | None, parameters: dict[str, Any] | None, unique_key: str | None
) -> None:
    """Ask for a task of a job, now or at a time.

    Unlike `jobs run` it neither obeys nor counts for the job's overlap policy.
    """
    with session.client() as client:
        task = client.submit(job, at=at, parameters=parameters, unique_key=unique_key)
    if session.output in ("json", "yaml"):
        print_document(session, task)
    elif session.output == "name":
        click.echo(task["id"])
    else:
        when = f", to run at {in_zone(task.get('scheduledTime'), session.zone)}" if at else ""
        click.echo(f"task {task['id']} of {clean(task.get('jobName'))} is {clean(task.get('status'))}{when}")
        click.echo(f"wait for its end: scheduler tasks wait {task['id']}")


@click.command()
@_tasks
@click.option("--reason", metavar="TEXT", help="Why; kept and shown with the task.")
@click.option("--downstream", is_flag=True, help="Let what was skipped because of them wait for them again.")
@calls_server
def retry(session: Session, task_ids: tuple[str, ...], reason: str | None, downstream: bool) -> None:
    """Try tasks that ended without success once more, at once."""
    each(
        session,
        task_ids,
        lambda client, task_id: client.retry(task_id, reason=reason, downstream=downstream),
        lambda _, name, task: f"task {name} is {clean(task.get('status'))}, attempt {task.get('attempt')} behind it",
    )


@click.command()
@_tasks
@calls_server
def rerun(session: Session, task_ids: tuple[str, ...]) -> None:
    """Make new tasks of the same jobs with the same parameters."""
    each(
        session,
        task_ids,
        lambda client, task_id: client.rerun(task_id),
        lambda _, name, task: f"task {name} runs again as task {clean(task.get('id'))}",
    )


@click.command()
@_tasks
@click.option("--timeout", type=Duration(), metavar="DURATION", help="Wait no longer than this (default: for ever).")
@calls_server
def wait(session: Session, task_ids: tuple[str, ...], timeout: float | None) -> None:
    """Wait until tasks have ended.

    Exit codes: 0 all are COMPLETED, 1 one is not, 6 the time is over before all have ended.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    ended: list[Document] = []
    with session.client() as client:
        for task_id in dict.fromkeys(task_ids):
            task = _end_of(client, task_id, deadline)
            ended.append(task)
            if session.output == "table":
                click.echo(_outcome(task))
            elif session.output == "name":
                click.echo(task["id"])
    if session.output in ("json", "yaml"):
        print_document(session, {"items": ended})
    if any(task.get("status") != "COMPLETED" for task in ended):
        raise click.exceptions.Exit(FAILED)


def _end_of(client: Client, task_id: str, deadline: float | None) -> Task:
    from scheduler_sdk.log_following import has_ended

    pause, seen_at, state = _SHORTEST_PAUSE, time.monotonic(), "not known"
    while True:
        try:
            task = client.task(task_id)
        except SchedulerError as error:
            if not _passes(error) or time.monotonic() - seen_at > _PATIENCE:
                raise
        else:
            seen_at, state = time.monotonic(), str(task.get("status"))
            if has_ended(task):
                return task
        left = pause if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise Failure(f"task {task_id} has not ended in time: it is {state}", TIMED_OUT)
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _passes(error: SchedulerError) -> bool:
    return isinstance(error, Unreachable) or (isinstance(error, ApiError) and error.status in (502, 503, 504))


def _outcome(task: Document) -> str:
    words = [clean(task["id"]), clean(task.get("jobName")), clean(task.get("status"))]
    if task.get("status") != "COMPLETED":
        why = error_words(task)
        words.append(clean(task.get("statusReason")) if why == NOTHING else why)
    return "  ".join(words)
