"""Commands that look at the platform's own upkeep, run it, rest it and change how often it is done."""

from __future__ import annotations

import time

import click

from interfaces.cli.exits import FAILED, TIMED_OUT
from interfaces.cli.listing import print_some, takes_limit
from interfaces.cli.output import Cell, Columns, Document, clean, member, print_list, print_one, status, time_of
from interfaces.cli.parameter_types import Duration
from interfaces.cli.session import Session, calls_server

_UNDER_WAY = ("PENDING", "RUNNING")
_LOOK_SECONDS = 0.2

_name = click.argument("name", metavar="OPERATION")


@click.group()
def operations() -> None:
    """Look at the platform's own upkeep, and steer it."""


@operations.command("list")
@calls_server
def list_operations(session: Session) -> None:
    """List what the platform does for its upkeep, when it does it next, and how it went the last time."""
    columns: Columns = (
        ("OPERATION", member("name")),
        ("STATUS", status),
        ("EVERY", member("every")),
        ("NEXT", time_of(session, "nextRunAt")),
        ("LAST", _of_last(time_of(session, "executedAt"))),
        ("ENDED", _of_last(member("status"))),
        ("DONE", _of_last(member("processedCount"))),
    )
    with session.client() as client:
        print_list(session, client.operations(), columns, "name")


@operations.command("get")
@_name
@calls_server
def get_operation(session: Session, name: str) -> None:
    """Show one of them."""
    fields: Columns = (
        ("operation", member("name")),
        ("about", member("description")),
        ("status", status),
        ("every", member("every")),
        ("as shipped", member("shippedEvery")),
        ("next", time_of(session, "nextRunAt")),
        ("paused", time_of(session, "pausedAt")),
        ("by", member("pausedBy")),
        ("reason", member("pausedReason")),
        ("failures", member("failures")),
        ("last", _of_last(time_of(session, "executedAt"))),
        ("ended", _of_last(member("status"))),
        ("done", _of_last(member("processedCount"))),
        ("node", _of_last(member("serverInstance"))),
        ("error", _of_last(member("errorMessage"))),
    )
    with session.client() as client:
        print_one(session, client.get_operation(name), fields, "name")


@operations.command()
@click.argument("name", metavar="[OPERATION]", required=False)
@click.option("--status", "state", metavar="STATUS", help="Only those in this status; several with commas.")
@takes_limit
@calls_server
def executions(session: Session, name: str | None, state: str | None, limit: int | None) -> None:
    """List what one operation did, or all, the newest first."""
    columns: Columns = (
        ("OPERATION", member("operation")),
        ("STATUS", status),
        ("BEGAN", time_of(session, "executedAt")),
        ("MS", member("executionTimeMs")),
        ("DONE", member("processedCount")),
        ("FOR", member("triggeredBy")),
        ("NODE", member("serverInstance")),
        ("ERROR", member("errorMessage")),
    )
    with session.client() as client:
        print_some(session, client.executions(name, status=state), limit, columns, "id")


@operations.command()
@_name
@click.option("--no-wait", is_flag=True, help="Only ask for it.")
@click.option("--timeout", type=Duration(), default="10m", show_default=True, help="How long to wait for its end.")
@calls_server
def run(session: Session, name: str, no_wait: bool, timeout: float) -> None:
    """Do it now, also while it is paused, and wait for its end."""
    with session.client() as client:
        execution = client.run_operation(name)
        deadline = time.monotonic() + timeout
        while not no_wait and execution["status"] in _UNDER_WAY and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
            execution = client.get_execution(execution["id"])
    fields: Columns = (
        ("execution", member("id")),
        ("operation", member("operation")),
        ("status", status),
        ("done", member("processedCount")),
        ("ms", member("executionTimeMs")),
        ("node", member("serverInstance")),
        ("error", member("errorMessage")),
    )
    print_one(session, execution, fields, "id")
    if not no_wait and execution["status"] != "SUCCESS":
        raise click.exceptions.Exit(TIMED_OUT if execution["status"] in _UNDER_WAY else FAILED)


@operations.command()
@_name
@click.option("--reason", metavar="TEXT", help="Why; kept and shown with it.")
@calls_server
def pause(session: Session, name: str, reason: str | None) -> None:
    """Do it no more until it is resumed; `run` still does it."""
    with session.client() as client:
        _say(session, client.pause_operation(name, reason=reason))


@operations.command()
@_name
@calls_server
def resume(session: Session, name: str) -> None:
    """Do it again."""
    with session.client() as client:
        _say(session, client.resume_operation(name))


@operations.command()
@_name
@click.argument("interval")
@calls_server
def every(session: Session, name: str, interval: str) -> None:
    """Do it at another INTERVAL, like 5m or PT5M; `default` is the one that was shipped."""
    with session.client() as client:
        _say(session, client.change_interval(name, None if interval == "default" else interval))


def _say(session: Session, operation: Document) -> None:
    if session.output != "table":
        print_one(session, operation, (), "name")
        return
    following = time_of(session, "nextRunAt")(operation)
    when = "" if operation.get("nextRunAt") is None else f", next at {following}"
    click.echo(f"{clean(operation.get('name'))} is {clean(operation.get('status'))}, every {operation['every']}{when}")


def _of_last(cell: Cell) -> Cell:
    return lambda operation: cell(operation.get("lastExecution") or {})
