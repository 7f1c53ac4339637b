"""A run of 10,000 dependent jobs against as many plain tasks, through a server and two workers, in tasks a second.

`DAG_LEVELS` (20) and `DAG_WIDTH` (500) choose the shape: each job waits for three of the level above. Plain tasks exist
before they are claimed; those of the run are made one after the other has ended, with a ledger entry each.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import httpx
import sqlalchemy as sa

from application.scheduling.graph_mapping import encode_dependent
from benchmarks.measuring import Figures
from benchmarks.platforms import NOOP, Server, noop_workers, server
from domain.scheduling.graph import Dependent, Link
from domain.scheduling.ids import JobId
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.clock import SystemClock
from infrastructure.sql.engine import open_store
from infrastructure.sql.scheduling.dependency_tables import dependency_edges, dependents
from infrastructure.sql.scheduling.tables import jobs, schedules

LEVELS = int(os.environ.get("DAG_LEVELS", "20"))
WIDTH = int(os.environ.get("DAG_WIDTH", "500"))
SLOTS = 500
UPSTREAMS = 3

AFTER = {**NOOP, "name": "after", "trigger": {"type": "DEPENDENCY"}, "dependencies": [{"job": "root"}]}


def run(figures: Figures) -> None:
    with server() as served:
        wished = ({**NOOP, "name": "plain"}, {**NOOP, "name": "root"}, AFTER)
        lone, root, after = (JobId(each["jobId"]) for each in served.apply(*wished))
        count = LEVELS * WIDTH
        asyncio.run(_weave(served, root, after))
        with noop_workers(served, count=2, slots=SLOTS) as notes:
            served.sql(_PLAIN, lone, count)
            served.sql("ANALYZE")
            plain = _rate(served, count)
            httpx.post(f"{served.address}/api/v1/jobs/root/trigger").raise_for_status()
            dag = _rate(served, count + 1)
        begun = [json.loads(line)[0] for note in notes for line in note.read_text().splitlines()]
        if len(begun) != len(set(begun)) or len(begun) != 2 * count + 1:
            raise AssertionError(f"{len(begun)} starts of {len(set(begun))} tasks, of {2 * count + 1}")
    figures.add("plain tasks/s", plain)
    figures.add("tasks/s of a run", dag)
    figures.add("share of the plain rate", dag / plain)


def _rate(served: Server, count: int) -> float:
    """From the first claim to the last end; empties the history."""
    while served.sql("SELECT count(*) FROM task_history")[0][0] < count:
        time.sleep(0.1)
    [[found, completed, seconds]] = served.sql(
        """SELECT count(*), count(*) FILTER (WHERE status = 'COMPLETED'),
                  extract(epoch FROM max(ended_at) - min(claimed_at)) FROM task_history"""
    )
    if (found, completed) != (count, count):
        raise AssertionError(f"{found} tasks have ended, {completed} of them well, of {count}")
    served.sql("DELETE FROM task_history")
    return count / float(seconds)


async def _weave(served: Server, root: JobId, after: JobId) -> None:
    """Copy a dependent, row by row: applying so many jobs would take minutes."""
    above: Sequence[JobId] = [root]
    found = list[Dependent]()
    for _ in range(LEVELS):
        level = [JobId(uuid4()) for _ in range(WIDTH)]
        for place, job_id in enumerate(level):
            upstreams = dict.fromkeys(above[(place + n) % len(above)] for n in range(UPSTREAMS))
            links = tuple(Link(upstream=up, name=str(up)) for up in upstreams)
            found.append(Dependent(job_id=job_id, name=str(job_id), links=links, follows=True))
        above = level
    documents: list[dict[str, Any]] = [
        {"job_id": each.job_id, "tenant": DEFAULT_TENANT, "document": encode_dependent(each)} for each in found
    ]
    edges = [{"upstream_id": link.upstream, "job_id": each.job_id} for each in found for link in each.links]
    store = open_store(served.database_url, SystemClock())
    async with store.engine.begin() as connection:
        for table, id_ in ((jobs, "id"), (schedules, "job_id")):
            row = (await connection.execute(sa.select(table).where(table.c[id_] == after))).one()._asdict()
            await connection.execute(sa.insert(table), [_copy(row, id_, each) for each in found])
        await connection.execute(sa.delete(dependents))
        await connection.execute(sa.delete(dependency_edges))
        await connection.execute(sa.insert(dependents), documents)
        await connection.execute(sa.insert(dependency_edges), edges)
        await connection.execute(sa.text("UPDATE dependency_graphs SET version = version + 1"))
    await store.dispose()


def _copy(row: dict[str, Any], id_: str, dependent: Dependent) -> dict[str, Any]:
    copy = row | {id_: dependent.job_id}
    return copy | {"name": dependent.name} if "name" in row else copy


_PLAIN = """INSERT INTO tasks (id, job_id, job_name, job_version, run_id, origin, status, lane, rank, priority,
                               max_attempts, scheduled_time, ready_at, created_at, parameters)
            SELECT gen_random_uuid(), id, name, 1, gen_random_uuid(), 'DIRECT', 'PENDING', lane, n, 5,
                   max_attempts, now(), now(), now(), parameters
            FROM jobs, generate_series(1, $2::int) AS n WHERE id = $1"""
