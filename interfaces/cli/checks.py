"""What `doctor` looks at: each check says what it found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from interfaces.cli.actuator import Answer, ask
from interfaces.cli.output import clean
from scheduler_sdk.client_errors import SchedulerError

if TYPE_CHECKING:
    from scheduler_sdk.client import Client

OK, WARNING, WRONG = "OK", "WARNING", "WRONG"

MOST_JOBS = 10_000
_SHOWN = 5
_TOLERATED_SECONDS = 2.0  # the server tells its time to the second


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `fix` is empty where nothing needs one."""

    check: str
    verdict: str
    found: str
    fix: str = ""


def examine(client: Client, own_version: str) -> Iterator[Finding]:
    """From the server to its jobs; ends early when the server does not answer."""
    try:
        health, info = ask(client.server, "health"), ask(client.server, "info")
    except SchedulerError as error:
        yield Finding("server", WRONG, str(error))
        return
    yield Finding("server", OK, f"{client.server} answers in {min(health.milliseconds, info.milliseconds):.0f} ms")
    yield _version(info.document, own_version)
    yield _database(health.document, info.document)
    yield _clock(info)
    yield _loops(health.document)
    for look in (_executors, _jobs):
        try:
            yield look(client)
        except SchedulerError as error:
            yield Finding(look.__name__.strip("_"), WRONG, str(error), "see what is wrong above")


def _version(info: dict[str, Any], own: str) -> Finding:
    theirs = clean((info.get("build") or {}).get("version"))
    if theirs == own:
        return Finding("version", OK, f"{own}, here and at the server")
    return Finding("version", WARNING, f"the server's is {theirs}, this command's is {own}",
                   "use the server's version of this command: what it knows may differ")  # fmt: skip


def _database(health: dict[str, Any], info: dict[str, Any]) -> Finding:
    database = info.get("database") or {}
    words = f"{clean(database.get('dialect'))}, schema {clean(database.get('schema'))}"
    if _status(health, "db") == "UP":
        return Finding("database", OK, words)
    return Finding("database", WRONG, f"{words}: it does not answer the server",
                   "see whether it runs: scheduler doctor --database-url URL, on the server's machine")  # fmt: skip


def _clock(answer: Answer) -> Finding:
    if answer.server_time is None:
        return Finding("clock", WARNING, "the server does not tell its time")
    offset = answer.server_time.timestamp() + 0.5 - answer.asked_at
    if abs(offset) <= _TOLERATED_SECONDS:
        return Finding("clock", OK, f"within {_TOLERATED_SECONDS:.0f} s of the server's")
    here = datetime.fromtimestamp(answer.asked_at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    side = "ahead of" if offset > 0 else "behind"
    return Finding("clock", WARNING, f"the server's is {abs(offset):.0f} s {side} this machine's, where it is {here}",
                   "let both follow a time server, for example: timedatectl set-ntp true")  # fmt: skip


def _loops(health: dict[str, Any]) -> Finding:
    names = [name for name in health.get("components") or {} if name != "db"]
    still = [name for name in names if _status(health, name) not in ("UP", "UNKNOWN")]
    if not still:
        return Finding("loops", OK, f"alive: {', '.join(names)}")
    return Finding("loops", WRONG, f"stuck: {', '.join(still)}",
                   "read the server's log for the reason; if it names none, start the server anew")  # fmt: skip


def _executors(client: Client) -> Finding:
    known = list(client.executors())
    online = [executor["id"] for executor in known if executor.get("status") == "ONLINE"]
    if stalled := [executor["id"] for executor in known if executor.get("stalled")]:
        return Finding("executors", WARNING, f"{len(stalled)} of {len(known)} stalled: {_some(stalled)}",
                       f"see what it runs for too long: scheduler executors get {stalled[0]}")  # fmt: skip
    if online:
        return Finding("executors", OK, f"{len(online)} of {len(known)} online: {_some(online)}")
    draining = [executor["id"] for executor in known if executor.get("status") == "DRAINING"]
    if draining:
        return Finding("executors", WRONG, f"none takes tasks; draining: {_some(draining)}",
                       f"let one work again: scheduler executors activate {draining[0]}")  # fmt: skip
    return Finding("executors", WRONG, f"none is online, of {len(known)} known: no task will run",
                   f"start one: scheduler worker --server {client.server}")  # fmt: skip


def _jobs(client: Client) -> Finding:
    jobs = list(islice(client.jobs(), MOST_JOBS))
    sick = [(job["name"], str(job.get("healthError"))) for job in jobs if job.get("healthError")]
    seen = f"the first {MOST_JOBS}" if len(jobs) == MOST_JOBS else str(len(jobs))
    if not sick:
        return Finding("jobs", OK, f"{seen}, none with an error")
    words = _some([f"{name} ({clean(error)})" for name, error in sick])
    return Finding("jobs", WRONG, f"{len(sick)} of {seen} cannot be scheduled: {words}",
                   f"mend what the error names: scheduler jobs edit {sick[0][0]}")  # fmt: skip


def _some(words: list[str]) -> str:
    more = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _status(health: dict[str, Any], name: str) -> object:
    return ((health.get("components") or {}).get(name) or {}).get("status")
