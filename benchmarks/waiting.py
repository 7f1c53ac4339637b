"""Claims of 1,000 runnable tasks behind none, and behind 100,000 that are blocked and 100,000 at a limit, in seconds.

`WAITING_BLOCKED` (100000) and `WAITING_LIMITED` (100000) choose how many stand in front: created before the others, and
ranked before them.
"""

from __future__ import annotations

import asyncio
import os
import time
from uuid import uuid4

from dependency_injector import providers

from application.scheduling.job_document import decode_document
from application.shared.principal import LOCAL
from benchmarks.measuring import Figures
from benchmarks.platforms import Database
from bootstrap.container import Container
from bootstrap.settings import Settings
from domain.scheduling.executor import Executor, HostInfo
from domain.scheduling.ids import ExecutorId, LaneId
from domain.scheduling.placement import Capability
from domain.scheduling.ports.task_exchange import Claim, Lease
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import complete
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.sql.migrations import upgrade
from infrastructure.time_zones import pin_time_zones
from tests.services import private_postgres

BLOCKED = int(os.environ.get("WAITING_BLOCKED", "100000"))
LIMITED = int(os.environ.get("WAITING_LIMITED", "100000"))
RUNNABLE = 1_000
BATCH = 100
ROUNDS = 3  # the first of them prepares the statements and is not counted

JOB = b'{"name": "runnable", "type": "COMMAND", "parameters": {"command": ["true"]}, "active": true}'
SESSION = Session(executor_id=ExecutorId("bench"), epoch=1)


def run(figures: Figures) -> None:
    with private_postgres(durable=True) as postgres:
        upgrade(postgres.url)
        pin_time_zones()
        database = Database(database_url=postgres.url)
        asyncio.run(_open(postgres.url))
        alone = _measure(database)
        database.sql(_TASKS, BLOCKED, 0, "BLOCKED", "DEPENDENCY", None)
        database.sql(_TASKS, LIMITED, BLOCKED, "PENDING", "LIMIT", "default/full")
        database.sql("ANALYZE")
        behind = _measure(database)
    figures.add(f"{RUNNABLE} claimed and settled, s", alone)
    figures.add(f"the same behind {BLOCKED + LIMITED:,} that cannot run, s", behind)
    figures.add("how much longer that takes", behind / alone)


def _measure(database: Database) -> float:
    """The quickest round."""
    return min(asyncio.run(_rounds(database))[1:])


async def _open(url: str) -> None:
    container = Container(settings=providers.Object(Settings(database_url=url)))
    await container.jobs().create(LOCAL, decode_document(JOB))
    async with container.work() as work:
        capability = Capability(types=frozenset({"COMMAND"}), slots=BATCH)
        info = HostInfo(host="bench", version="1")
        executor = Executor.register(SESSION.executor_id, DEFAULT_TENANT, uuid4(), info, capability, work.now)
        await work.executors.save(executor)
        await work.commit()
    await container.store().dispose()


async def _rounds(database: Database) -> list[float]:
    container = Container(settings=providers.Object(Settings(database_url=database.database_url)))
    async with container.work() as work:
        lanes = list(await work.lanes.after(LaneId(0)))
    exchange, seconds = container.exchange(), []
    for _ in range(ROUNDS):
        await asyncio.to_thread(database.sql, _TASKS, RUNNABLE, BLOCKED + LIMITED, "PENDING", None, None)
        begun, claimed, held = time.perf_counter(), 0, list[Lease]()
        while claimed < RUNNABLE or held:
            settled = [complete(task_id, token, None) for task_id, token in held]
            claim = Claim(claim_id=uuid4(), lanes=lanes, limit=BATCH, slots=BATCH, started=True)
            answer = await exchange.exchange(SESSION, settled, claim)
            held = [(task.id, task.token) for task in answer.claimed]
            claimed += len(held)
        seconds.append(time.perf_counter() - begun)
    await container.store().dispose()
    return seconds


_TASKS = """INSERT INTO tasks (id, job_id, job_name, job_version, run_id, origin, status, gate, slot_key, slot_most,
                               lane, rank, priority, max_attempts, scheduled_time, ready_at, created_at, parameters)
            SELECT gen_random_uuid(), id, name, 1, gen_random_uuid(), 'DIRECT', $3, $4, $5::text,
                   CASE WHEN $5::text IS NOT NULL THEN 1 END, lane, n + $2::int, 5, max_attempts, now(), now(), now(),
                   parameters
            FROM jobs, generate_series(1, $1::int) AS n"""
