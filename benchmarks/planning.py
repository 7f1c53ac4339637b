"""Fires due at one instant until all their tasks are claimable, with ever more jobs and an ever longer ledger.

`PLANNING_JOBS` (1000,100000), `PLANNING_DUE` (1000), `PLANNING_AT_ONCE` (10000) and `PLANNING_LEDGER` (1000000 entries)
choose the sizes; a million jobs or ten million entries take some minutes to be made.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from dependency_injector import providers

from application.scheduling.job_document import decode_document
from application.shared.principal import LOCAL
from benchmarks.measuring import Figures
from benchmarks.platforms import Database, copies_of
from bootstrap.container import Container
from bootstrap.settings import Settings
from infrastructure.sql.migrations import upgrade
from infrastructure.sql.types import to_microseconds
from infrastructure.time_zones import pin_time_zones
from tests.services import private_postgres

JOBS = [int(n) for n in os.environ.get("PLANNING_JOBS", "1000,100000").split(",")]
DUE = int(os.environ.get("PLANNING_DUE", "1000"))
AT_ONCE = int(os.environ.get("PLANNING_AT_ONCE", "10000"))
LEDGER = int(os.environ.get("PLANNING_LEDGER", "1000000"))
ROUNDS = 3  # the first of them prepares the statements and is not counted

SEED = b"""{"name": "seed", "type": "COMMAND", "parameters": {"command": ["true"]}, "active": true,
            "trigger": {"type": "CRON", "expression": "0 0 1 1 *", "timeZone": "UTC"}}"""


def run(figures: Figures) -> None:
    with private_postgres(durable=True) as postgres:
        upgrade(postgres.url)
        asyncio.run(_seed(postgres.url))
        database = Database(database_url=postgres.url)
        there = 1
        for jobs in sorted(JOBS):
            copies_of(database, "seed", jobs - there)
            database.sql("UPDATE jobs SET name = name || '-of-' || $1 WHERE name LIKE 'seed-_%'", str(jobs))
            there = jobs
            _measure(figures, database, f"{DUE} due of {jobs:,} jobs, s", DUE)
        _measure(figures, database, f"{AT_ONCE} due of {there:,} jobs, s", min(AT_ONCE, there))
        database.sql(_ENTRIES, LEDGER)
        database.sql("ANALYZE")
        _measure(figures, database, f"{DUE} due, {LEDGER:,} entries in the ledger, s", DUE)


async def _seed(url: str) -> None:
    pin_time_zones()
    container = Container(settings=providers.Object(Settings(database_url=url)))
    await container.jobs().create(LOCAL, decode_document(SEED))
    await container.store().dispose()


def _measure(figures: Figures, database: Database, name: str, due: int) -> None:
    for seconds in asyncio.run(_ticks(database, due))[1:]:
        figures.add(name, seconds)


async def _ticks(database: Database, due: int) -> Sequence[float]:
    """The seconds of each round, all in one process: its connections and statements stay warm."""
    container = Container(settings=providers.Object(Settings(database_url=database.database_url)))
    seconds = []
    for _ in range(ROUNDS):
        await asyncio.to_thread(_make_due, database, due)
        begun = time.perf_counter()
        await container.planner().tick()
        seconds.append(time.perf_counter() - begun)
        [[created]] = await asyncio.to_thread(database.sql, "SELECT count(*) FROM tasks WHERE gate IS NULL")
        if created != due:
            raise AssertionError(f"{created} tasks are claimable, of {due}")
        await asyncio.to_thread(database.sql, "DELETE FROM tasks")
    await container.store().dispose()
    return seconds


def _make_due(database: Database, due: int) -> None:
    instant = datetime.now(UTC)
    times = ",".join(str(to_microseconds(instant + n * timedelta(days=1))) for n in range(8))
    some = "SELECT job_id FROM schedules ORDER BY job_id LIMIT $3"
    database.sql(
        f"UPDATE schedules SET due_at = $1, upcoming = $2::json WHERE job_id IN ({some})", instant, f"[{times}]", due
    )


_ENTRIES = """INSERT INTO occurrences (id, job_id, fire_key, decision, nominal_at, first_nominal_at, planned_at, count,
                                       job_version, tzdata_version, decided_at)
              SELECT gen_random_uuid(), j.id, n::text, 'FIRED', at, at, at, 1, 1, 'bench', now()
              FROM (SELECT id FROM jobs ORDER BY id LIMIT 1000) j, generate_series(1, $1::int / 1000) n,
                   LATERAL (SELECT now() - n * interval '1 hour' AS at) times"""
