"""The store of the simulation, in place of databases, for the tests of their contracts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from domain.scheduling.ids import ExecutorId, TaskId
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.task_status import Gate, TaskStatus
from infrastructure.clock import SystemClock
from infrastructure.sql.engine import Store
from tests.contract.conftest import Begin
from tests.contract.hot_tasks import HotTasks
from tests.simulation.contract.queries import MemoryReader
from tests.simulation.store.database import Database, Table, Transaction, Weather
from tests.simulation.store.rows import TaskRow
from tests.simulation.store.task_exchange import MemoryTaskExchange
from tests.simulation.store.work import MemorySchedulingWork

NOT_ASKED: Mapping[str, Sequence[str]] = {
    "it looks into tables that this store does not have": (
        "test_a_rate_lets_its_burst_go_and_says_when_it_lets_the_next_one_go",
        "test_of_many_that_want_a_name_at_once_one_gets_it",
        "test_every_definition_is_kept_as_a_version_and_other_changes_make_none",
        "test_what_firing_and_claiming_need_stands_in_columns",
        "test_jobs_that_the_same_executors_can_run_share_a_lane",
    ),
    "it brings about by SQL what no call brings about": (
        "test_a_row_that_cannot_be_read_is_set_aside_and_holds_up_nobody",
        "test_tasks_in_the_way_of_a_fire_are_counted",
        "test_triggers_are_those_of_the_present_versions",
        "test_a_claim_waits_for_another_of_its_executor_and_counts_what_that_got",
    ),
    "it asks a reader of SQL": ("test_between_two_attempts_the_time_as_a_whole_runs_out_and_the_attempts_stay_known",),
    "no operator of a world retries what has ended": (
        "test_a_task_that_an_operator_tries_again_is_bound_in_the_queue_and_not_as_a_whole",
        "test_a_reopened_task_comes_back_from_history_once",
        "test_a_key_belongs_to_one_live_task_of_a_tenant",
        "test_a_fire_that_has_run_otherwise_does_not_wait_again",
    ),
    "no job of a world listens to events": ("test_what_waits_is_counted_wherever_a_schedule_is_taken",),
}
"""Tests of contracts that this store is not held to, and why."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = {name for names in NOT_ASKED.values() for name in names}
    here = [item for item in items if item.path.parent == Path(__file__).parent]
    gone = [item for item in here if isinstance(item, pytest.Function) and item.originalname in left_out]
    config.hook.pytest_deselected(items=gone)
    items[:] = [item for item in items if item not in gone]


class Turns(Weather):
    """Nothing goes wrong, but others have their turn between statements."""

    async def before(self) -> None:
        await asyncio.sleep(0)

    async def after(self) -> None:
        await asyncio.sleep(0)


class MemoryStore:
    """What the tests of contracts use of a store."""

    dialect = "memory"

    def __init__(self) -> None:
        self.database = Database(SystemClock().now, Turns())
        self.reader = MemoryReader(self.database)


class MemoryHotTasks(HotTasks):
    """The same short ways, on the store in memory."""

    def __init__(self, store: MemoryStore, begin: Begin) -> None:
        self.store, self.begin = cast(Store, store), begin
        self.exchange = MemoryTaskExchange(store.database)  # type: ignore[assignment]
        self._database = store.database

    async def put_all(self, changes: Sequence[Mapping[str, Any]]) -> None:
        transaction: Transaction = self._database.begin()
        tasks: Table[TaskId, TaskRow] = Table(transaction, "tasks")
        for change in changes:
            row = tasks.get(change["id"])
            assert row is not None
            tasks.put(row.id, replace(row, **_fields(change)))
        transaction.apply()


def _fields(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a database as fields of a row here."""
    found = {name: value for name, value in columns.items() if name not in ("id", "executor_id", "epoch")}
    if "executor_id" in columns:
        executor_id = columns["executor_id"]
        found["holder"] = executor_id and Session(executor_id=ExecutorId(executor_id), epoch=columns["epoch"])
    for name, kind in (("status", TaskStatus), ("gate", Gate)):
        if columns.get(name) is not None:
            found[name] = kind(columns[name])
    return found


@pytest.fixture
def store_url() -> str:
    """It has none. What a contract asks of PostgreSQL alone, it asks of this store, too."""
    return "memory"


@pytest.fixture
def store(store_url: str) -> MemoryStore:
    """Empty."""
    return MemoryStore()


@pytest.fixture
def begin(store: MemoryStore) -> Begin:
    """Begins a unit of work on the store."""
    return cast(Begin, lambda: MemorySchedulingWork(store.database))


@pytest.fixture
def memory_hot(store: MemoryStore, begin: Begin) -> HotTasks:
    return MemoryHotTasks(store, begin)
