"""Lists of tasks go by indexes in both databases, for each filter that the API documents."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from application.scheduling.queries import Slice, TaskFilter
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.clock import SystemClock
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.scheduling.reader import SqlSchedulingReader

JOB = UUID(int=1)
COLUMNS = (
    "id, job_id, job_name, job_version, run_id, origin, status, lane, rank, priority, max_attempts, scheduled_time,"
    " ready_at, created_at, ended_at, parameters"
)
OTHERS = "'backup', 1, {id}, 'SCHEDULE', CASE n % 100 WHEN 0 THEN 'FAILED' ELSE 'COMPLETED' END, 1, n, 5, 3"
FILL = {
    "postgresql": f"""
    INSERT INTO task_history ({COLUMNS})
    SELECT gen_random_uuid(), md5((n % 40)::text)::uuid, {OTHERS.format(id="gen_random_uuid()")},
        now() + n * interval '1 second', now(), now(), now(), '{{}}' FROM generate_series(1, 20000) n""",
    "sqlite": f"""
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000)
    INSERT INTO task_history ({COLUMNS})
    SELECT hex(randomblob(16)), printf('%032x', n % 40), {OTHERS.format(id="hex(randomblob(16))")},
        n * 1000000, 1, 1, 1, '{{}}' FROM numbers""",
}
"""Tasks that have ended, one in a hundred of them without success."""

UNSUCCESSFUL = {"sqlite": "ix_task_history_unsuccessful", "postgresql": "task_history_default_tenant_id_idx"}
OF_A_JOB = {"sqlite": "ix_task_history_job", "postgresql": "task_history_default_job_id_id_idx"}
BY_ID = {"sqlite": "ix_task_history_id", "postgresql": "task_history_default_id_idx"}
BY_TIME = {
    "sqlite": "ix_task_history_scheduled", "postgresql": "task_history_default_tenant_scheduled_time_id_idx"
}  # fmt: skip
EARLY, LATE = datetime(1970, 1, 1, 0, 10, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LISTS = {
    "status=FAILED": (TaskFilter(statuses=("FAILED",)), UNSUCCESSFUL),
    "status=FAILED,TIMEOUT": (TaskFilter(statuses=("FAILED", "TIMEOUT")), UNSUCCESSFUL),
    "jobId": (TaskFilter(job_id=JOB), OF_A_JOB),
    "no filter": (TaskFilter(), BY_ID),
    "from, to": (TaskFilter(since=EARLY, until=LATE, by_time=True), BY_TIME),
    "from": (TaskFilter(since=EARLY, by_time=True), BY_TIME),
    "scheduled, no filter": (TaskFilter(by_time=True), BY_TIME),
}
"""The filters, and the index of the history that each goes by; PostgreSQL names those of partitions itself."""


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    store = open_store(store_url, SystemClock())
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql(FILL[store.dialect])
        await connection.exec_driver_sql("ANALYZE")
    yield store
    await store.dispose()


@pytest.mark.parametrize("name", LISTS)
async def test_the_newest_are_found_without_reading_the_others(store: Store, name: str) -> None:
    where, indexes = LISTS[name]
    asked: list[tuple[str, Any]] = []

    @sa.event.listens_for(store.reader.sync_engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, text: str, parameters: Any, *_: object) -> None:
        asked.append((text, parameters))

    await SqlSchedulingReader(store).tasks(DEFAULT_TENANT, where, Slice(limit=50))
    text, parameters = asked[-1]
    async with store.reader.connect() as connection:
        if store.dialect == "sqlite":
            steps = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)).all()
            assert any(f"task_history USING INDEX {indexes['sqlite']}" in str(step[-1]) for step in steps), steps
        else:
            plan = (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {text}", parameters)).scalar_one()
            scans = [n for n in nodes_of(json.loads(plan)[0]["Plan"]) if "task_history" in n.get("Relation Name", "")]
            assert [(s["Node Type"], s.get("Index Name")) for s in scans] == [("Index Scan", indexes["postgresql"])]


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)
