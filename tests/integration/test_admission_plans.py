"""Letting tasks go reads those that may go, by indexes over those that wait, however many there are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from domain.scheduling.admission import KeyKind
from infrastructure.clock import SystemClock
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.relation import Statement
from infrastructure.sql.scheduling import admission_statements as statements
from tests.integration.test_firing_plans import plan_of

HOT: dict[str, tuple[Statement, set[str]]] = {
    "room": (
        statements.WITH_ROOM,
        {
            *("ix_tasks_slot_waiting", "ix_tasks_rate_waiting", "ix_tasks_turn_waiting"),
            *("ix_tasks_slot_taken", "ix_tasks_turn_taken"),
        },
    ),
    "waiting at slots": (statements.WAITING[KeyKind.SLOT], {"ix_tasks_slot_waiting"}),
    "waiting at rates": (statements.WAITING[KeyKind.RATE], {"ix_tasks_rate_waiting"}),
    "waiting for turns": (statements.WAITING[KeyKind.TURN], {"ix_tasks_turn_waiting"}),
    "slots taken": (statements.TAKEN[KeyKind.SLOT], {"ix_tasks_slot_taken"}),
    "turns taken": (statements.TAKEN[KeyKind.TURN], {"ix_tasks_turn_taken"}),
    "take": (statements.TAKE, {"pk_tasks"}),
    "move": (statements.MOVE, {"pk_tasks"}),
}
"""The statements, and by which indexes each finds tasks."""

FILL = """
    INSERT INTO tasks (id, job_id, job_name, job_version, run_id, origin, status, gate, lane, rank, priority,
        max_attempts, scheduled_time, ready_at, created_at, parameters, slot_key, slot_most, rate_key, turn_key,
        turn_window, executor_id)
    SELECT gen_random_uuid(), gen_random_uuid(), 'j', 1, gen_random_uuid(), 'DIRECT', 'PENDING',
        (ARRAY['LIMIT', 'RATE', 'FAIRNESS', NULL])[1 + n % 4], 1, n, 5, 3, now(), now(), now(), '{}',
        'default/s' || n % 50, 3, 'default/r' || n % 50, '1/t' || n % 50, 10, NULL
    FROM generate_series(1, 20000) n
"""


@pytest.fixture(params=["empty", "filled"])
async def store(request: pytest.FixtureRequest, postgres_url: str) -> AsyncIterator[Store]:
    """A database of which the planner knows that it is empty, or that thousands wait at each kind of limit."""
    store = open_store(postgres_url, SystemClock())
    async with store.engine.begin() as connection:
        if request.param == "filled":
            await connection.exec_driver_sql(FILL)
        await connection.exec_driver_sql("ANALYZE")
    yield store
    await store.dispose()


@pytest.mark.parametrize("name", HOT)
async def test_a_plan_that_is_kept_goes_by_the_indexes(store: Store, name: str) -> None:
    statement, indexes = HOT[name]
    used = set()
    for node in await plan_of(store, statement):
        if node.get("Relation Name") == "tasks" and node["Node Type"].endswith("Scan"):
            assert node["Node Type"] in ("Index Scan", "Index Only Scan")
            used.add(node["Index Name"])
    assert used == indexes
