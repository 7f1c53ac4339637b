"""1,000 jobs due in the same second: due → claimable and due → handler started, in milliseconds."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import asyncpg

from benchmarks.measuring import Figures, percentile
from benchmarks.platforms import NOOP, Server, copies_of, noop_workers, server

JOBS = 1000


def run(figures: Figures) -> None:
    with server() as served:
        _warm(served)
        due = _herd(served, "alone")
        first, all_ = asyncio.run(_claimable(served, due))
        figures.add("due → first 250 claimable, ms", first)
        figures.add("due → all claimable, ms", all_)
        served.sql("DELETE FROM tasks")
        with noop_workers(served, count=2, slots=500) as notes:
            due = _herd(served, "worked")
            while served.sql("SELECT count(*) FROM task_history WHERE job_name LIKE 'worked%'")[0][0] <= JOBS:
                time.sleep(0.2)
        late = [1000 * (json.loads(line)[1] - due) for note in notes for line in note.read_text().splitlines()]
        late = [ms for ms in late if ms > 0]
        if len(late) <= JOBS:
            raise AssertionError(f"{len(late)} starts of {JOBS + 1}")
        figures.add("due → handler started, p50 ms", percentile(late, 0.5))
        figures.add("due → handler started, p99 ms", percentile(late, 0.99))


def _warm(served: Server) -> None:
    """The first fires of a process prepare its statements: the second herd is the one to look at."""
    moment = _herd(served, "warm")
    time.sleep(max(0.0, moment - time.time()) + 2)
    served.sql("DELETE FROM tasks")


def _herd(served: Server, name: str) -> float:
    """JOBS + 1 jobs that are due at the same instant some seconds from now; that instant."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=10)
    expression = f"{at.second} {at.minute} {at.hour} {at.day} {at.month} *"
    served.apply({**NOOP, "name": name, "trigger": {"type": "CRON", "expression": expression}})
    copies_of(served, name, JOBS)
    return at.timestamp()


async def _claimable(served: Server, due: float) -> tuple[float, float]:
    """Milliseconds after `due` at which 250 and all tasks were there to be seen."""
    connection = await asyncpg.connect(served.database_url)
    try:
        first = None
        await asyncio.sleep(max(0.0, due - time.time() - 0.05))
        while True:
            count = await connection.fetchval("SELECT count(*) FROM tasks WHERE gate IS NULL")
            passed = 1000 * (time.time() - due)
            if first is None and count >= 250:
                first = passed
            if count > JOBS:
                return first or passed, passed
            await asyncio.sleep(0.002)
    finally:
        await connection.close()
