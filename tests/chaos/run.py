"""One run: begin in peace, break and mend as the seed says, heal, wait until all has ended, read, judge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.chaos.clients import Clients
from tests.chaos.plan import WORKERS, Kind, Step, plan
from tests.chaos.recording import Recording
from tests.chaos.site import SILENCE_SECONDS, Child, Site, site
from tests.chaos.witness import read
from tests.chaos.workload import DOCUMENTS, SCHEDULED
from tests.invariants.all import INVARIANTS
from tests.invariants.checking import Verdict, judge
from tests.invariants.history import Beat, Bounds, Healed, History, Lie, Run

WARM_UP, LAST_EVENTS = 2.0, 2.0
"""Seconds in peace before the first fault and after the last task."""
DEAD_SECONDS = 16.0
"""For longer than the platform may take to see it, an executor is dead in the end, when nothing excuses anybody."""
PATIENCE = 150.0
"""Seconds that all may take to end when the faults are over: a stop that nobody confirms takes a minute by itself."""
RECOVERY = timedelta(seconds=10)

Say = Callable[[str], None]


async def run(room: Path, seed: int, seconds: float, say: Say) -> list[Verdict]:
    """The verdicts about one run; a fault that lasts is told while it happens."""
    steps = plan(seed, seconds)
    async with site(room, seed) as found:
        await _until(lambda: _all_ready(found), "nodes and executors are ready")
        clients = Clients(found.addresses, found.proxies["clients"].address, seed)
        try:
            healed = await _live(found, clients, steps, say)
        finally:
            await clients.close()
        history = await _history(found, clients, healed)
    say("judging")
    return judge(history, INVARIANTS)


async def _live(found: Site, clients: Clients, steps: Sequence[Step], say: Say) -> list[Healed]:
    """Everything that goes on; how well all are when the last fault has been mended for a while."""
    async with asyncio.TaskGroup() as group:
        following = group.create_task(clients.follow())
        await clients.connected.wait()
        await _apply(found)
        enough = asyncio.Event()
        users = [group.create_task(_until_enough(user, enough)) for user in clients.users()]
        supervising = group.create_task(found.supervise())
        await asyncio.sleep(WARM_UP)
        began = time.monotonic()

        async def suffer(step: Step) -> None:
            await asyncio.sleep(max(0.0, began + step.at - time.monotonic()))
            say(str(step))
            await found.suffer(step)

        async with asyncio.TaskGroup() as faults:
            for step in steps:
                faults.create_task(suffer(step))
        await _until(lambda: _all_ready(found), "nodes and executors are ready again")
        say("mended")
        marks = {child.name: len(child.log) for child in _children(found)}
        await _until(lambda: _holds_something(found, WORKERS[-1]), "an executor has something to do")
        await found.suffer(Step(at=0, kind=Kind.KILL_EXECUTOR, target=WORKERS[-1], lasts=DEAD_SECONDS))
        await _until(lambda: _all_ready(found), "the last executor is ready again")
        enough.set()
        await asyncio.wait(users)
        await clients.pause_all(SCHEDULED)
        await _until(lambda: _all_ended(found), "all tasks end")
        say("all has ended")
        await asyncio.sleep(LAST_EVENTS)
        following.cancel()
        supervising.cancel()
    return [
        Healed(name=name, ready=ready, complaints=_complaints(found, name, marks))
        for name, ready in (await found.ready()).items()
    ]


async def _until_enough(user: Callable[[], Awaitable[None]], enough: asyncio.Event) -> None:
    """What is begun is finished: a call that was made is written down."""
    while not enough.is_set():
        await user()


async def _apply(found: Site) -> None:
    """What others depend on is there before them, and begins after them."""
    async with httpx.AsyncClient(timeout=30, base_url=f"{found.addresses()[0]}/api/v1") as http:
        answers = [await http.post("/jobs", json=document | {"active": False}) for document in DOCUMENTS]
        answers += [await http.post(f"/jobs/{document['name']}/activate", json={}) for document in reversed(DOCUMENTS)]
    refused = [answer.text for answer in answers if not answer.is_success]
    if refused:
        raise AssertionError("\n".join(refused))


async def _until(look: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await look():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE:.0f} s in vain until {what}")
        await asyncio.sleep(0.2)


async def _all_ready(found: Site) -> bool:
    ready = await found.ready()
    return len(ready) == len(_children(found)) and all(ready.values())


async def _holds_something(found: Site, executor: str) -> bool:
    return bool(await _answer(found, f"SELECT EXISTS (SELECT FROM tasks WHERE executor_id = '{executor}')"))


async def _all_ended(found: Site) -> bool:
    return bool(await _answer(found, "SELECT NOT EXISTS (TABLE tasks) AND NOT EXISTS (TABLE judgements)"))


async def _answer(found: Site, query: str) -> object:
    connection = await asyncpg.connect(found.postgres.address)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def _children(found: Site) -> list[Child]:
    return [*found.nodes.values(), *found.executors.values()]


def _complaints(found: Site, name: str, marks: dict[str, int]) -> int:
    """Lines of errors since all was mended."""
    child = found.nodes.get(name) or found.executors[name]
    said = child.log[marks[name] :]
    return sum('"level": "error"' in line or line.startswith("Traceback") for line in said.splitlines())


async def _history(found: Site, clients: Clients, healed: Sequence[Healed]) -> History:
    connection = await asyncpg.connect(found.postgres.address)
    try:
        recording = await Recording.read(connection)
    finally:
        await connection.close()
    lines = [line for name in found.executors for line in read(found.witness(name))]
    return History(
        bounds=Bounds(silence=timedelta(seconds=SILENCE_SECONDS), recovery=RECOVERY),
        read_at=datetime.now(UTC),
        jobs=recording.jobs(),
        tasks=recording.tasks(),
        changes=list(recording.task_changes()),
        ledger=recording.ledger(),
        sessions=recording.sessions(),
        schedules=recording.schedules(),
        events=recording.events(),
        followed=clients.followed,
        runs=list(_runs(lines)),
        lies=[_lie(line) for line in lines if line["fact"] == "LIED"],
        calls=clients.calls,
        faults=found.faults,
        beats=[Beat(executor=name, at=at) for name in found.executors for at in found.proxies[name].heard],
        healed=healed,
        rows_live=recording.rows["tasks"],
        rows_ended=recording.rows["task_history"],
    )


def _runs(lines: Sequence[dict[str, Any]]) -> Iterator[Run]:
    ends = {(line["executor"], line["token"]): line for line in lines if line["fact"] == "ENDED"}
    for line in lines:
        if line["fact"] == "BEGAN":
            end = ends.get((line["executor"], line["token"]))
            yield Run(
                executor=line["executor"],
                task=line["task"],
                token=line["token"],
                began_at=datetime.fromisoformat(line["at"]),
                ended_at=None if end is None else datetime.fromisoformat(end["at"]),
                how=None if end is None else end["how"],
            )


def _lie(line: dict[str, Any]) -> Lie:
    return Lie(executor=line["executor"], kind=line["kind"], outcome=line["outcome"])
