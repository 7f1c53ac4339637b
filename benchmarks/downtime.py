"""A day of downtime with many jobs that fire each minute: until all is level again, and what others feel of that.

`DOWNTIME_JOBS` (10000) and `DOWNTIME_HOURS` (24) choose the size. Meanwhile others come due again and again.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta

from dependency_injector import providers

from application.scheduling.job_document import decode_document
from application.shared.principal import LOCAL
from benchmarks.measuring import Figures, memory_mb
from benchmarks.platforms import Database, copies_of
from bootstrap.container import Container
from bootstrap.settings import Settings
from infrastructure.sql.migrations import upgrade
from infrastructure.sql.types import to_microseconds
from infrastructure.time_zones import pin_time_zones
from tests.services import private_postgres

JOBS = int(os.environ.get("DOWNTIME_JOBS", "10000"))
HOURS = int(os.environ.get("DOWNTIME_HOURS", "24"))
FRESH = 100
"""Jobs whose fires come due while the others catch up."""

MISFIRES = {
    "the latest once": '{"policy": "FIRE_ONCE"}',
    "the latest 10": '{"policy": "FIRE_ALL", "maxFires": 10}',
}
BLINK = 0.01  # seconds


def run(figures: Figures) -> None:
    for name, misfire in MISFIRES.items():
        with private_postgres(durable=True) as postgres:
            upgrade(postgres.url)
            asyncio.run(_seed(postgres.url, misfire))
            database = Database(database_url=postgres.url)
            copies_of(database, "minutely", JOBS - 1)
            copies_of(database, "fresh", FRESH - 1)
            asyncio.run(_catch_up(figures, database, name))


async def _seed(url: str, misfire: str) -> None:
    pin_time_zones()
    container = Container(settings=providers.Object(Settings(database_url=url)))
    trigger = '{"type": "CRON", "expression": "* * * * *", "timeZone": "Europe/Berlin"}'
    for name in ("minutely", "fresh"):
        job = f'{{"name": "{name}", "type": "COMMAND", "parameters": {{"command": ["true"]}}, "active": true,'
        job += f' "overlap": "ALLOW", "misfire": {misfire}, "trigger": {trigger}}}'
        await container.jobs().create(LOCAL, decode_document(job))
    await container.store().dispose()


async def _catch_up(figures: Figures, database: Database, name: str) -> None:
    begin = datetime.now(UTC).replace(second=0, microsecond=0)
    await asyncio.to_thread(_make_due, database, "minutely%", begin - timedelta(hours=HOURS))
    await asyncio.to_thread(_make_due, database, "fresh%", begin + timedelta(hours=1))
    container = Container(settings=providers.Object(Settings(database_url=database.database_url)))
    planner = container.planner()
    memory, level = [memory_mb(os.getpid())], asyncio.Event()
    others = asyncio.gather(_blinks(memory, level), _fresh_fires(database, level))
    begun = time.perf_counter()
    await planner.tick()
    figures.add(f"{name}: until level, s", time.perf_counter() - begun)
    level.set()
    longest_blink, waits = await others
    figures.add(f"{name}: longest time that nothing else got a turn, s", longest_blink)
    figures.add(f"{name}: memory, MB more at most", max(memory) - memory[0])
    for wait in waits:
        figures.add(f"{name}: a fire that came due meanwhile waited, s", wait)
    await container.store().dispose()
    [[fires, missing]] = await asyncio.to_thread(database.sql, _LEVEL)
    figures.add(f"{name}: fires decided", fires)
    if missing:
        raise AssertionError(f"{missing} jobs are still behind")


async def _blinks(memory: list[float], level: asyncio.Event) -> float:
    """The longest that a sleep of a blink was too long."""
    longest = 0.0
    while not level.is_set():
        begun = time.perf_counter()
        await asyncio.sleep(BLINK)
        longest = max(longest, time.perf_counter() - begun - BLINK)
        memory.append(memory_mb(os.getpid()))
    return longest


async def _fresh_fires(database: Database, level: asyncio.Event) -> list[float]:
    """How long fires waited that came due while others caught up."""
    waits = []
    while not level.is_set():
        await asyncio.sleep(1)
        due_at = datetime.now(UTC)
        await asyncio.to_thread(_make_due, database, "fresh%", due_at)
        begun = time.perf_counter()
        while not level.is_set() and await asyncio.to_thread(_waiting, database):  # noqa: ASYNC110 - the database knows
            await asyncio.sleep(BLINK)
        waits.append(time.perf_counter() - begun)
    return waits


def _waiting(database: Database) -> bool:
    [[waiting]] = database.sql(
        "SELECT count(*) FROM schedules s JOIN jobs j ON j.id = s.job_id WHERE name LIKE 'fresh%' AND due_at <= now()"
    )
    return bool(waiting)


def _make_due(database: Database, names: str, first: datetime) -> None:
    times = ",".join(str(to_microseconds(first + n * timedelta(minutes=1))) for n in range(8))
    database.sql(
        """UPDATE schedules SET due_at = $1, upcoming = $2::json, last_nominal = $3
            WHERE job_id IN (SELECT id FROM jobs WHERE name LIKE $4)""",
        first,
        f"[{times}]",
        first - timedelta(minutes=1),
        names,
    )


_LEVEL = """SELECT (SELECT sum(count) FROM occurrences),
                   (SELECT count(*) FROM schedules WHERE due_at < now() - interval '5 minutes')"""
