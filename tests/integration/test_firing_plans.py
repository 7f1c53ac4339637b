"""Firing goes by indexes on both databases, however many schedules there are and whatever was known of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from infrastructure.clock import SystemClock
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.relation import Statement
from infrastructure.sql.scheduling import (
    buffered,
    chain_queue,
    executor_repository,
    fired,
    health_book,
    judgement_queue,
    listener_queue,
    run_history,
)
from infrastructure.sql.scheduling.schedule_statements import COUNT_LIVE, REFILL, SPECS, TAKE_DUE

HOT: dict[str, tuple[Statement, dict[str, set[str]]]] = {
    "take due": (TAKE_DUE[250], {"schedules": {"ix_schedules_due"}}),
    "count tasks in the way": (COUNT_LIVE, {"tasks": {"ix_tasks_job"}}),
    "count fires that wait": (buffered.COUNT_WAITING, {"occurrences": {"ix_occurrences_waiting"}}),
    "end the wait of fires": (buffered.END_WAIT, {"occurrences": {"ix_occurrences_unbegun"}}),
    "begin fires that waited": (buffered.FIRE, {"occurrences": {"ix_occurrences_unbegun"}}),
    "record": (fired.RECORD, {"schedules": {"pk_schedules"}, "jobs": {"pk_jobs"}}),
    "definitions": (SPECS, {"jobs": {"pk_jobs"}}),
    "refill": (REFILL, {"schedules": {"pk_schedules"}}),
    "find ended runs": (chain_queue.FIND_ENDED, {"schedules": {"ix_schedules_awaiting"}, "tasks": {"pk_tasks"}}),
    "find listeners": (listener_queue.LISTENING, {"event_listeners": {"pk_event_listeners"}}),
    "take listeners": (listener_queue.TAKE, {"schedules": {"pk_schedules"}}),
    "facts of listeners": (listener_queue.FACTS, {"jobs": {"pk_jobs"}}),
    "fires of events": (listener_queue.FIRED, {"occurrences": {"uq_occurrences_fired"}}),
    "fires that a backfill need not make": (run_history.FIRED_AMONG, {"occurrences": {"uq_occurrences_fired"}}),
    "live runs of backfills": (run_history.LIVE_BACKFILLED, {"tasks": {"ix_tasks_job"}}),
    "last runs of a backfill": (
        run_history.LAST_BACKFILLED,
        {"task_history_default": {"task_history_default_job_id_id_idx"}},
    ),
    "entries for the scanner": (health_book.ENTRIES, {"occurrences": {"ix_occurrences_job"}}),
    "beats": (executor_repository.RECORD_BEATS, {"executors": {"pk_executors"}}),
}
"""The statements, and by which indexes each finds the rows of which tables."""

FILL = """
    INSERT INTO schedules (job_id, job_version, lane, policy, due_at, upcoming)
    SELECT gen_random_uuid(), 1, 1, '{}', now() + n * interval '1 second', '[]' FROM generate_series(-500, 20000) n
"""


@pytest.fixture(params=["empty", "filled"])
async def store(request: pytest.FixtureRequest, postgres_url: str) -> AsyncIterator[Store]:
    """A database of which the planner knows that it is empty, or that it has twenty thousand schedules."""
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
    nodes = list(await plan_of(store, statement))
    found: dict[str, set[str]] = {}
    for node in nodes:
        if node["Node Type"].endswith("Scan") and "Relation Name" in node:
            assert node["Node Type"] in ("Index Scan", "Index Only Scan")
            found.setdefault(node["Relation Name"], set()).add(node["Index Name"])
    assert found == indexes


async def test_due_schedules_are_read_in_order_and_no_further_than_asked_for(store: Store) -> None:
    kinds = [node["Node Type"] for node in await plan_of(store, TAKE_DUE[250])]
    assert kinds == ["Limit", "LockRows", "Index Scan"]


async def test_a_fire_is_looked_up_by_its_job_and_its_key_however_short_the_ledger_was(store: Store) -> None:
    (scan,) = [node for node in await plan_of(store, listener_queue.FIRED) if "Index Cond" in node]
    assert "job_id" in scan["Index Cond"]
    assert "fire_key" in scan["Index Cond"]


async def test_the_oldest_judgements_are_looked_for_once_however_few_there_were(store: Store) -> None:
    kinds = [node["Node Type"] for node in await plan_of(store, judgement_queue.TAKE)]
    assert kinds == ["ModifyTable", "Limit", "LockRows", "Index Scan", "Tid Scan"]


async def plan_of(store: Store, statement: Statement) -> Iterator[dict[str, Any]]:
    """The nodes of the plan that the writing connections keep for it."""
    text = statement.on("postgresql").text
    arguments = ", ".join("NULL" for _ in statement.on("postgresql").arguments({}))
    async with store.engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute(f"PREPARE asked AS {text}")
        plan = await driver.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked({arguments})")
        await driver.execute("DEALLOCATE asked")
    return nodes_of(json.loads(plan)[0]["Plan"])


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)


SORTED = (executor_repository.RECORD_BEATS, listener_queue.TAKE)
"""Few rows in the order in which they are locked, where there are locks."""


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (TAKE_DUE[250], "schedules USING INDEX ix_schedules_due"),
        (COUNT_LIVE, "tasks USING INDEX ix_tasks_job"),
        (buffered.COUNT_WAITING, "occurrences USING INDEX ix_occurrences_waiting"),
        (buffered.END_WAIT, "occurrences USING INDEX ix_occurrences_unbegun"),
        (buffered.FIRE, "occurrences USING INDEX ix_occurrences_unbegun"),
        (buffered.WAIT_AGAIN, "occurrences USING INDEX ix_occurrences_unbegun"),
        (fired.CREATE_TASKS, "jobs USING INDEX sqlite_autoindex_jobs_1"),
        (fired.UPDATE_SCHEDULES, "schedules USING INDEX sqlite_autoindex_schedules_1"),
        (REFILL, "schedules USING INDEX sqlite_autoindex_schedules_1"),
        (chain_queue.FIND_ENDED, "schedules USING INDEX ix_schedules_awaiting"),
        (chain_queue.GO_ON, "schedules USING INDEX sqlite_autoindex_schedules_1"),
        (listener_queue.TAKE, "schedules USING INDEX sqlite_autoindex_schedules_1"),
        (listener_queue.LISTENING, "event_listeners USING COVERING INDEX sqlite_autoindex_event_listeners_1"),
        (listener_queue.FIRED, "occurrences USING INDEX uq_occurrences_fired"),
        (executor_repository.RECORD_BEATS, "executors USING INDEX sqlite_autoindex_executors_1"),
    ],
)
async def test_sqlite_goes_by_its_indexes_and_sorts_nothing(sqlite_url: str, statement: Statement, index: str) -> None:
    compiled = statement.on("sqlite")
    store = open_store(sqlite_url, SystemClock())
    async with store.engine.connect() as connection:
        nulls = tuple("[]" if argument is None else argument for argument in compiled.arguments({}))
        steps = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled.text}", nulls)).all()
    await store.dispose()
    details = [str(step[-1]) for step in steps]
    assert any(detail.startswith(f"SEARCH {index}") for detail in details), details
    ordered = "TEMP B-TREE" not in " ".join(details)
    assert ordered or statement in SORTED
