"""What is old goes in small pieces; what is still needed stays, however old it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from application.operations.upkeep import Tally
from infrastructure.sql import history_retention, sweeping
from infrastructure.sql.engine import Store
from infrastructure.sql.history_retention import drop_old_history
from infrastructure.sql.operations.execution_retention import drop_old_executions
from infrastructure.sql.operations.operation_tables import maintenance_executions, operations
from infrastructure.sql.scheduling.backfill_tables import backfills
from infrastructure.sql.scheduling.limit_tables import limit_keys
from infrastructure.sql.scheduling.retention import (
    ATTEMPTS,
    BACKFILLS,
    EXECUTORS,
    KEPT_RUNS,
    LEDGER,
    LIMIT_KEYS,
    LOGS,
    ORPHANS,
)
from infrastructure.sql.scheduling.tables import executors, occurrences, schedules
from infrastructure.sql.scheduling.task_tables import orphan_results, task_attempts, task_history, task_logs, tasks
from infrastructure.sql.sweeping import Rows, first_id_of, sweep

DAY = timedelta(days=1)
MONTH = 30 * DAY
JOB, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture(autouse=True)
def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 3)


def ago(age: timedelta) -> datetime:
    return datetime.now(UTC) - age


def id_of(age: timedelta) -> UUID:
    return UUID(int=first_id_of(ago(age)).int + uuid4().int % 2**64)


async def put(store: Store, table: sa.Table, *given: dict[str, Any]) -> None:
    async with store.engine.begin() as connection:
        await connection.execute(sa.insert(table), list(given))


async def ids(store: Store, table: sa.Table, column: str = "id") -> set[Any]:
    async with store.reader.connect() as connection:
        return set((await connection.execute(sa.select(table.c[column]))).scalars())


async def swept(store: Store, rows: Rows, keep: timedelta = MONTH) -> int:
    tally = Tally()
    await sweep(store, rows, keep, tally)
    return tally.processed


def a_task(age: timedelta, job: UUID = JOB, ended: timedelta | None = None, **more: Any) -> dict[str, Any]:
    """Created so long ago; ended then, too, unless told otherwise."""
    at, id_ = ago(age), id_of(age)
    task = {
        "id": id_, "job_id": job, "job_name": "backup", "job_version": 1, "run_id": id_, "origin": "SCHEDULE",
        "status": "COMPLETED", "lane": 1, "rank": 1, "priority": 5, "max_attempts": 3, "scheduled_time": at,
        "ready_at": at, "created_at": at, "parameters": "{}",
        "ended_at": at if ended is None else ago(ended),
    }  # fmt: skip
    return task | more


def alive(task: dict[str, Any]) -> dict[str, Any]:
    return task | {"status": "RUNNING", "ended_at": None}


async def test_old_tasks_go_and_the_latest_of_each_job_stay(store: Store) -> None:
    many = [a_task(40 * DAY + n * DAY) for n in range(KEPT_RUNS + 7)]
    seldom = [a_task(400 * DAY, OTHER), a_task(200 * DAY, OTHER)]
    late = a_task(90 * DAY, ended=DAY)
    await put(store, task_history, *many, *seldom, late)
    tally = Tally()
    await drop_old_history(store, MONTH, tally)
    stay = {task["id"] for task in [*many[:KEPT_RUNS], *seldom, late]}
    assert await ids(store, task_history) == stay
    assert tally.processed == 7
    await drop_old_history(store, MONTH, tally)
    assert tally.processed == 7


async def test_log_lines_of_tasks_that_live_stay(store: Store) -> None:
    ended, living = a_task(60 * DAY), alive(a_task(60 * DAY))
    await put(store, task_history, ended)
    await put(store, tasks, living)

    def lines(task: dict[str, Any], sequence: int, age: timedelta) -> dict[str, Any]:
        at = {"attempt": 1, "at": ago(age), "lines": "[]"}
        return {"task_id": task["id"], "token": 1, "sequence": sequence, **at}

    old = [lines(ended, n, 50 * DAY) for n in range(5)]
    await put(store, task_logs, *old, lines(ended, 9, DAY), *(lines(living, n, 50 * DAY) for n in range(4)))
    assert await swept(store, LOGS) == 5
    async with store.reader.connect() as connection:
        left = (await connection.execute(sa.select(task_logs.c.task_id, task_logs.c.sequence))).all()
    assert sorted(row.sequence for row in left if row.task_id == living["id"]) == [0, 1, 2, 3]
    assert [row.sequence for row in left if row.task_id == ended["id"]] == [9]


async def test_attempts_and_late_results_go_with_their_task(store: Store) -> None:
    kept, living = a_task(60 * DAY), alive(a_task(60 * DAY))
    gone = [id_of(60 * DAY) for _ in range(4)]
    await put(store, task_history, kept)
    await put(store, tasks, living)
    stay = {kept["id"], living["id"], new := id_of(DAY)}
    every = [*gone, *stay]
    await put(store, task_attempts, *({"task_id": id_, "attempt": 1, "status": "FAILED"} for id_ in every))
    orphan = {"token": 1, "executor_id": "w", "reported_at": ago(DAY), "status": "COMPLETED"}
    await put(store, orphan_results, *({"task_id": id_, **orphan} for id_ in every))
    for rows, table in ((ATTEMPTS, task_attempts), (ORPHANS, orphan_results)):
        assert await swept(store, rows) == 4
        assert await ids(store, table, "task_id") == stay
    assert new in stay


def a_decision(age: timedelta, decision: str = "FIRED", job: UUID = JOB, **more: Any) -> dict[str, Any]:
    at = ago(age)
    entry = {
        "id": id_of(age), "job_id": job, "fire_key": f"{at.isoformat()}", "decision": decision, "nominal_at": at,
        "first_nominal_at": at, "planned_at": at, "count": 1, "job_version": 1, "tzdata_version": "x",
        "decided_at": at, "task_id": None,
    }  # fmt: skip
    return entry | more


async def test_the_ledger_keeps_what_is_matched_what_lives_what_waits_and_its_tail(store: Store) -> None:
    fires = [a_decision(100 * DAY + n * DAY) for n in range(KEPT_RUNS + 5)]
    skipped = [a_decision(99 * DAY, "SKIPPED_OVERLAP"), a_decision(300 * DAY, "MISSED")]
    living = alive(a_task(300 * DAY))
    held = a_decision(300 * DAY, task_id=living["id"])
    waits = a_decision(301 * DAY, "BUFFERED", task_id=uuid4())
    tail = a_decision(200 * DAY, "SKIPPED_PAUSED", OTHER)
    young = a_decision(DAY, "SKIPPED_OVERLAP")
    await put(store, tasks, living)
    await put(store, occurrences, *fires, *skipped, held, waits, tail, young)
    schedule = {"job_id": OTHER, "job_version": 1, "lane": 1, "policy": "{}", "upcoming": "[]", "tail_id": tail["id"]}
    await put(store, schedules, schedule)
    assert await swept(store, LEDGER, 3 * MONTH) == 7
    stay = {entry["id"] for entry in [*fires[:KEPT_RUNS], held, waits, tail, young]}
    assert await ids(store, occurrences) == stay


async def test_executors_that_hold_tasks_or_were_deactivated_are_remembered(store: Store) -> None:
    def executor(id_: str, age: timedelta, status: str = "OFFLINE", deactivated: bool = False) -> dict[str, Any]:
        return {
            "id": id_, "status": status, "deactivated": deactivated, "instance_id": uuid4(), "epoch": 1, "host": "h",
            "worker_version": "1", "pool": "default", "labels": "{}", "types": "[]", "handlers": "[]", "slots": 1,
            "registered_at": ago(age), "last_heartbeat_at": ago(age), "version": 1,
        }  # fmt: skip

    await put(
        store,
        executors,
        *(executor(f"gone-{n}", 60 * DAY) for n in range(5)),
        executor("young", DAY),
        executor("online", 60 * DAY, "ONLINE"),
        executor("banned", 60 * DAY, deactivated=True),
        executor("holder", 60 * DAY),
    )
    await put(store, tasks, alive(a_task(60 * DAY, executor_id="holder")))
    assert await swept(store, EXECUTORS) == 5
    assert await ids(store, executors) == {"young", "online", "banned", "holder"}


async def test_keys_of_limits_go_when_nothing_stands_at_them(store: Store) -> None:
    old, young = ago(60 * DAY), ago(DAY)
    names = ("free", "taken", "waiting", "fresh")
    for kind in ("SLOT", "RATE", "TURN"):
        rows = [{"kind": kind, "key": n, "touched_at": young if n == "fresh" else old} for n in names]
        await put(store, limit_keys, *rows)
    base = {"status": "PENDING", "ended_at": None}
    await put(
        store,
        tasks,
        *(
            a_task(DAY) | base | at
            for at in (
                {"slot_key": "taken", "gate": None, "turn_key": None, "rate_key": None},
                {"slot_key": "waiting", "gate": "LIMIT", "turn_key": None, "rate_key": None},
                {"slot_key": None, "gate": None, "turn_key": "taken", "rate_key": None},
                {"slot_key": None, "gate": "FAIRNESS", "turn_key": "waiting", "rate_key": None},
                {"slot_key": None, "gate": "RATE", "turn_key": None, "rate_key": "waiting"},
            )
        ),
    )
    assert await swept(store, LIMIT_KEYS) == 4
    async with store.reader.connect() as connection:
        left = {tuple(row) for row in await connection.execute(sa.select(limit_keys.c.kind, limit_keys.c.key))}
    used = {(kind, name) for kind in ("SLOT", "TURN") for name in ("taken", "waiting")} | {("RATE", "waiting")}
    assert left == used | {(kind, "fresh") for kind in ("SLOT", "RATE", "TURN")}


async def test_backfills_that_ended_long_ago_go(store: Store) -> None:
    def backfill(age: timedelta, ended: timedelta | None) -> dict[str, Any]:
        at = ago(age)
        return {
            "id": id_of(age), "job_id": uuid4(), "job_name": "b", "begin_at": at, "end_at": at,
            "direction": "OLDEST_FIRST", "overlap": "WAIT", "max_live": 1, "priority": 1,
            "status": "RUNNING" if ended is None else "COMPLETED", "waiting": "[]", "created_at": at,
            "created_by": "x", "updated_at": at, "updated_by": "x", "version": 1,
            "ended_at": None if ended is None else ago(ended),
        }  # fmt: skip

    gone, stay = backfill(60 * DAY, 50 * DAY), [backfill(60 * DAY, DAY), backfill(60 * DAY, None)]
    await put(store, backfills, gone, *stay)
    assert await swept(store, BACKFILLS) == 1
    assert await ids(store, backfills) == {each["id"] for each in stay}


async def test_executions_go_by_age_and_by_number_and_the_last_of_each_operation_stays(store: Store) -> None:
    def execution(age: timedelta, status: str = "SUCCESS") -> dict[str, Any]:
        ended = None if status in ("RUNNING", "PENDING") else ago(age)
        known = {"operation": "sweep", "description": "Sweep.", "status": status, "triggered_by": "SCHEDULER"}
        return {"id": id_of(age), **known, "created_at": ago(age), "ended_at": ended}

    last, running = execution(90 * DAY), execution(80 * DAY, "RUNNING")
    old = [execution(n * DAY) for n in range(40, 45)]
    young = [execution(n * DAY) for n in range(1, 9)]
    await put(store, maintenance_executions, last, running, *old, *young)
    await put(store, operations, {"name": "sweep", "next_run_at": ago(DAY), "execution_id": last["id"]})
    tally = Tally()
    await drop_old_executions(store, MONTH, 100, tally)
    stay = {each["id"] for each in [last, running, *young]}
    assert (tally.processed, await ids(store, maintenance_executions)) == (5, stay)
    await drop_old_executions(store, MONTH, 4, tally)
    stay = {each["id"] for each in [last, running, *young[:4]]}
    assert (tally.processed, await ids(store, maintenance_executions)) == (9, stay)


async def partitions(store: Store) -> Sequence[str]:
    names = sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'task_history'::regclass")
    async with store.reader.connect() as connection:
        return sorted((await connection.execute(names)).scalars())


async def a_partition(store: Store, day: date) -> str:
    name = f"task_history_{day:%Y%m%d}"
    span = f"FROM ('{day} 00:00:00+00') TO ('{day + DAY} 00:00:00+00')"
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql(f"CREATE TABLE {name} PARTITION OF task_history FOR VALUES {span}")
    return name


@pytest.mark.parametrize("few", [500, 2])
async def test_a_partition_goes_when_next_to_nothing_is_left_in_it(
    postgres_store: Store, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    store = postgres_store
    monkeypatch.setattr(history_retention, "FEW", few)
    day = ago(60 * DAY).replace(hour=12)
    old, recent = await a_partition(store, day.date()), await a_partition(store, ago(10 * DAY).date())
    age = datetime.now(UTC) - day
    seldom = [a_task(age, UUID(int=n)) for n in range(1, 4)]
    often = [a_task(age, OTHER) for _ in range(5)]
    newer = [a_task(10 * DAY, OTHER) for _ in range(KEPT_RUNS)]
    seldom[1] |= {"job_id": UUID(int=99)}
    await put(store, task_history, *seldom, *often, *newer)
    tally = Tally()
    await drop_old_history(store, MONTH, tally)
    assert tally.processed == 5
    assert await ids(store, task_history) == {task["id"] for task in [*seldom, *newer]}
    assert recent in await partitions(store)
    assert (old in await partitions(store)) == (few == 2)


async def test_a_partition_that_somebody_reads_is_dropped_another_time(postgres_store: Store) -> None:
    store = postgres_store
    old = await a_partition(store, ago(60 * DAY).date())
    async with store.reader.connect() as reader:
        await reader.execute(sa.select(sa.func.count()).select_from(task_history))
        await drop_old_history(store, MONTH, Tally())
        assert old in await partitions(store)
    await drop_old_history(store, MONTH, Tally())
    assert old not in await partitions(store)
