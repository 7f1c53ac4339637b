"""`health`: whether a server is well, as an exit code; for containers, which have no curl."""

from __future__ import annotations

import time

import click

from interfaces.cli.exits import FAILED, TIMED_OUT, Failure
from interfaces.cli.failures import describe
from interfaces.cli.output import Columns, Document, clean, member, print_document, print_list, status
from interfaces.cli.parameter_types import Duration
from interfaces.cli.session import Session, calls_server
from scheduler_sdk.client_errors import SchedulerError

_PAUSE = 0.25
_WELL = ("UP", "UNKNOWN")


@click.command()
@click.argument("part", required=False)
@click.option("--wait", "patience", type=Duration(), metavar="DURATION", help="Try so long until it is well.")
@calls_server
def health(session: Session, part: str | None, patience: float | None) -> None:
    """Ask a server whether it is well.

    PART is `readiness` (may be sent requests), `liveness` (the process can answer), or one component, like `db`;
    without it all components are asked.

    Exit codes: 0 it is, 1 it is not, 7 there is no server, 6 neither came true in the time given to --wait.
    """
    from scheduler_sdk.server_address import resolve_server

    server = resolve_server(session.server)
    if patience is None:
        found = _health(server, part, 10.0)
    else:
        found = _wait(server, part, patience)
    components: dict[str, Document] = found.get("components") or {part or "server": found}
    if session.output in ("json", "yaml"):
        print_document(session, found)
    else:
        columns: Columns = (("PART", member("name")), ("STATUS", status), ("DETAILS", _details))
        print_list(session, [{"name": name, **each} for name, each in components.items()], columns, "name")
    if found.get("status") not in _WELL:
        sick = ", ".join(name for name, each in components.items() if each.get("status") not in _WELL)
        raise Failure(f"{server} is {clean(found.get('status'))} ({sick}); the server's log says why", FAILED)


def _wait(server: str, part: str | None, patience: float) -> Document:
    deadline = time.monotonic() + patience
    while True:
        left = max(deadline - time.monotonic(), _PAUSE)
        try:
            found = _health(server, part, min(10.0, left))
        except SchedulerError as error:
            last = describe(error)
        else:
            if found.get("status") in _WELL:
                return found
            last = f"{server} is {clean(found.get('status'))}"
        if time.monotonic() + _PAUSE > deadline:
            raise Failure(f"not well within {patience:g} s: {last}", TIMED_OUT)
        time.sleep(_PAUSE)


def _health(server: str, part: str | None, timeout: float) -> Document:
    from urllib.parse import quote

    from interfaces.cli.actuator import ask

    return ask(server, f"health/{quote(part, safe='')}" if part else "health", timeout).document


def _details(component: Document) -> str:
    return clean(", ".join(f"{name} {value}" for name, value in (component.get("details") or {}).items()))
