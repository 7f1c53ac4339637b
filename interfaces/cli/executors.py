"""Commands that look at executors and take them out of work and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from interfaces.cli.job_verbs import each
from interfaces.cli.listing import print_some, takes_limit
from interfaces.cli.output import NOTHING, Columns, Document, clean, member, print_one, status, time_of
from interfaces.cli.session import Session, calls_server

if TYPE_CHECKING:
    from scheduler_sdk.client import Client

_ids = click.argument("ids", metavar="EXECUTOR...", nargs=-1, required=True)


@click.group()
def executors() -> None:
    """Look at the processes that run tasks; take them out of work and back."""


@executors.command("list")
@click.option("--status", "state", metavar="STATUS", help="Only those in this status; several with commas.")
@takes_limit
@calls_server
def list_executors(session: Session, state: str | None, limit: int | None) -> None:
    """List executors and what they run."""
    columns: Columns = (
        ("EXECUTOR", member("id")),
        ("STATUS", _standing),
        ("POOL", member("pool")),
        ("RUNS", _load),
        ("TYPES", _joined("types")),
        ("HOST", member("host")),
        ("LAST HEARTBEAT", time_of(session, "lastHeartbeatAt")),
    )
    with session.client() as client:
        print_some(session, client.executors(status=state), limit, columns, "id")


@executors.command("get")
@click.argument("executor")
@calls_server
def get_executor(session: Session, executor: str) -> None:
    """Show one executor."""
    fields: Columns = (
        ("executor", member("id")),
        ("status", status),
        ("reason", member("statusReason")),
        ("pool", member("pool")),
        ("runs", _load),
        ("types", _joined("types")),
        ("handlers", _joined("handlers")),
        ("labels", lambda found: clean(", ".join(f"{k}={v}" for k, v in (found.get("labels") or {}).items()))),
        ("host", member("host")),
        ("version", member("version")),
        ("session", member("epoch")),
        ("registered", time_of(session, "registeredAt")),
        ("last heartbeat", time_of(session, "lastHeartbeatAt")),
        ("clock", _clock),
        ("stalled", lambda found: _stalled(session, found)),
    )
    with session.client() as client:
        print_one(session, client.executor(executor), fields, "id")


@executors.command()
@_ids
@click.option("--reason", metavar="TEXT", help="Why; kept and shown with the executor.")
@calls_server
def drain(session: Session, ids: tuple[str, ...], reason: str | None) -> None:
    """Give executors no new tasks; what they run may finish."""
    _act(session, ids, lambda client, executor: client.drain(executor, reason=reason))


@executors.command()
@_ids
@calls_server
def activate(session: Session, ids: tuple[str, ...]) -> None:
    """Let executors work again after a drain, or register again after a deactivation."""
    _act(session, ids, lambda client, executor: client.activate_executor(executor))


@executors.command()
@_ids
@click.option("--reason", metavar="TEXT", required=True, help="Why; kept and shown with the executor.")
@calls_server
def deactivate(session: Session, ids: tuple[str, ...], reason: str) -> None:
    """End the sessions of executors, requeue what they run, and refuse them until they are activated."""
    _act(session, ids, lambda client, executor: client.deactivate_executor(executor, reason=reason))


def _act(session: Session, ids: tuple[str, ...], act: Callable[[Client, str], Document]) -> None:
    each(session, ids, act, lambda _, name, now: f"{clean(name)} is {clean(now.get('status'))}, runs {_load(now)}")


def _standing(executor: Document) -> str:
    return f"{status(executor)} (stalled)" if executor.get("stalled") else status(executor)


def _stalled(session: Session, executor: Document) -> str:
    if not executor.get("stalled"):
        return "no"
    tasks = [f"{clean(task.get('jobName'))} {clean(task.get('id'))}" for task in executor.get("overlongTasks") or []]
    return f"since {time_of(session, 'stalledSince')(executor)}: {', '.join(tasks)}"


def _clock(executor: Document) -> str:
    offset = executor.get("clockOffsetSeconds")
    if offset is None:
        return NOTHING
    return f"{abs(offset):.1f} s {'ahead' if offset > 0 else 'behind'}" if abs(offset) >= 1 else "right"


def _load(executor: Document) -> str:
    return f"{executor.get('runningTasks', 0)}/{executor.get('maxConcurrentTasks', 0)}"


def _joined(name: str) -> Callable[[Document], str]:
    return lambda executor: clean(", ".join(executor.get(name) or []))
