"""The hot statements of PostgreSQL go by their indexes, however little the planner knows when it plans them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from domain.scheduling.ids import ExecutorId, LaneId, TaskId
from domain.scheduling.ports.task_exchange import Claim, LogBatch
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Settlement
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from domain.shared.json_value import JsonText
from infrastructure.sql.engine import PLANNED_ONCE, DialectName
from infrastructure.sql.relation import Row, Statement
from infrastructure.sql.scheduling import exchange_postgresql, lease_scripts
from infrastructure.sql.scheduling.delivering import deliver
from infrastructure.sql.scheduling.hearing import hear
from infrastructure.sql.scheduling.letting_go import let_go_leases
from infrastructure.sql.scheduling.misses import miss
from infrastructure.sql.scheduling.scripts import run_in
from infrastructure.sql.scheduling.task_queue import SqlTaskQueue
from infrastructure.sql.unit_of_work import SqlUnitOfWork

POSTGRESQL: DialectName = "postgresql"
NOW = datetime(2031, 5, 4, 12, tzinfo=UTC)
SESSION = Session(executor_id=ExecutorId("e1"), epoch=1)
LEASE = TaskId(UUID(int=1)), 1


@dataclass
class Recorder:
    """In the place of a unit of work: keeps what it is asked to run, and answers with one row."""

    row: Row
    dialect: DialectName = POSTGRESQL
    now: datetime = NOW
    asked: list[tuple[str, list[Any]]] = field(default_factory=list)

    async def fetch(self, statement: Statement, **parameters: object) -> list[Row]:
        compiled = statement.on(POSTGRESQL)
        self.asked.append((compiled.text, compiled.arguments(parameters)))
        return [self.row] if self.row else []


def settlement(status: TaskStatus, **fields: Any) -> Settlement:
    return Settlement(task_id=LEASE[0], token=LEASE[1], status=status, **fields)


ENDS = settlement(TaskStatus.COMPLETED)
STAYS = Settlement(task_id=TaskId(UUID(int=2)), token=2, status=TaskStatus.WAITING_RETRY, ready_at=NOW)
CLAIM = Claim(claim_id=uuid4(), lanes=[LaneId(1), LaneId(2)], limit=100, slots=100, started=True)
LOG = LogBatch(task_id=LEASE[0], token=LEASE[1], sequence=1, lines=JsonText("[]"))


@dataclass(frozen=True)
class Use:
    """What asks for statements, the indexes of tasks that they go by, and a row that lets the asker go on."""

    ask: Callable[[SqlUnitOfWork], Awaitable[object]]
    indexes: set[str]
    row: Row = ()


KEY, CLAIMS, HELD, STOPPING, OPENING, EXPIRING = (
    "pk_tasks", "ix_tasks_claim", "ix_tasks_held", "ix_tasks_stopping", "ix_tasks_opening", "ix_tasks_expiring",
)  # fmt: skip
A_TASK: Row = (UUID(int=1),)
WAITS: Row = (UUID(int=1), False, "default", UUID(int=2), "backup", 0, None)


def exchange(*settlements: Settlement, claim: Claim | None = None) -> Callable[[SqlUnitOfWork], Awaitable[object]]:
    return lambda work: run_in(work, exchange_postgresql.exchange(SESSION, settlements, claim))


USES = {
    "exchange": Use(exchange(ENDS, STAYS, claim=CLAIM), {KEY, CLAIMS, HELD, STOPPING}),
    "reports": Use(exchange(ENDS), {KEY, STOPPING}),
    "claim": Use(exchange(claim=CLAIM), {CLAIMS, HELD, STOPPING}),
    "deliver": Use(lambda w: run_in(w, deliver(POSTGRESQL, SESSION, CLAIM)), {KEY, HELD}),
    "attempts": Use(lambda w: run_in(w, lease_scripts.attempts(POSTGRESQL, SESSION, [LEASE])), {KEY}, (NOW, None)),
    "start": Use(lambda w: run_in(w, lease_scripts.start(POSTGRESQL, SESSION, [LEASE])), {KEY}),
    "log": Use(lambda w: run_in(w, lease_scripts.log(POSTGRESQL, SESSION, [LOG])), {KEY}),
    "log next": Use(lambda w: run_in(w, lease_scripts.log_next(POSTGRESQL, SESSION, [LOG])), {KEY}, A_TASK),
    "heartbeat": Use(lambda w: run_in(w, hear(DEFAULT_TENANT, SESSION)), {HELD}, (NOW, None, None)),
    "absences": Use(lambda w: run_in(w, lease_scripts.count_absences(POSTGRESQL, SESSION, [LEASE[0]], [])), {KEY}),
    "stopped": Use(lambda w: run_in(w, let_go_leases(POSTGRESQL, SESSION, [LEASE])), {KEY}, A_TASK),
    "miss": Use(lambda w: run_in(w, miss(POSTGRESQL, SESSION, [ENDS])), {KEY}),
    "settle": Use(lambda w: SqlTaskQueue(w).settle([ENDS, STAYS]), {KEY, STOPPING}),
    "overdue": Use(lambda w: SqlTaskQueue(w).take_overdue(NOW, 100), {HELD}),
    "of a session": Use(lambda w: SqlTaskQueue(w).take_held(SESSION), {HELD}),
    "let go": Use(lambda w: SqlTaskQueue(w).let_go(SESSION), {STOPPING, KEY}, A_TASK),
    "expired": Use(lambda w: SqlTaskQueue(w).let_go_expired(NOW, 100), {STOPPING, KEY}, A_TASK),
    "give up": Use(lambda w: SqlTaskQueue(w).time_out_waiting(NOW, 100), {EXPIRING, KEY}, WAITS),
    "open": Use(lambda w: SqlTaskQueue(w).open_due(NOW, 100), {OPENING, KEY}),
    "next opening": Use(lambda w: SqlTaskQueue(w).next_opening(), {OPENING}, (None,)),
}
EXPECTED = {name: use.indexes for name, use in USES.items()}


async def explain(connection: asyncpg.Connection, use: Use, *, generic: bool) -> list[dict[str, Any]]:
    """All nodes of the plans of the statements that `use` runs."""
    recorder = Recorder(use.row)
    await use.ask(cast(SqlUnitOfWork, recorder))
    nodes: list[dict[str, Any]] = []
    for text, arguments in recorder.asked:
        if generic:
            await connection.execute(f"PREPARE asked AS {text}")
            nulls = f"({', '.join('NULL' for _ in arguments)})" if arguments else ""
            plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked{nulls}")
            await connection.execute("DEALLOCATE asked")
        else:
            plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {text}", *arguments)
        nodes += nodes_of(json.loads(plan)[0]["Plan"])
    return nodes


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)


async def indexes_used(connection: asyncpg.Connection, *, generic: bool) -> dict[str, set[str]]:
    """By which indexes of tasks each use finds them; "all" stands for reading all of them."""
    used = {}
    for name, use in USES.items():
        nodes = await explain(connection, use, generic=generic)
        indexes = {node["Index Name"] for node in nodes if "Index Name" in node}
        used[name] = {index for index in indexes if index.startswith(("pk_tasks", "ix_tasks"))}
        if any(node["Node Type"] == "Seq Scan" and node["Relation Name"] == "tasks" for node in nodes):
            used[name].add("all")
    return used


@pytest.fixture
async def connection(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """With the settings of the connections that write."""
    address = sa.make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(address, server_settings=PLANNED_ONCE)
    await connection.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=str, format="text")
    yield connection
    await connection.close()


FILL = """
    INSERT INTO tasks (
        id, job_id, job_name, job_version, run_id, origin, status, gate, lane, rank, priority, max_attempts,
        executor_id, epoch, token, claim_id, claimed_at, deadline_at, scheduled_time, ready_at, created_at, parameters
    )
    SELECT
        gen_random_uuid(), job, 'backup', 1, gen_random_uuid(), 'SCHEDULE',
        CASE WHEN held THEN 'RUNNING' ELSE 'PENDING' END,
        CASE WHEN n % 10 = 1 THEN 'TIME' END, n % 4, n, 5, 3, CASE WHEN held THEN 'e' || n % 7 END,
        CASE WHEN held THEN 1 END, CASE WHEN held THEN n END, CASE WHEN held THEN job END,
        CASE WHEN held THEN now() END, CASE WHEN held THEN now() END, now(), now(), now(), '{}'
    FROM (SELECT n, n % 10 = 0 AS held, md5((n % 40)::text)::uuid AS job FROM generate_series(1, 10000) n) numbers
"""


@pytest.fixture
async def busy(connection: asyncpg.Connection) -> asyncpg.Connection:
    """Ten thousand tasks, a tenth of them held by seven executors, and statistics of them."""
    await connection.execute(FILL)
    await connection.execute("ANALYZE")
    return connection


async def test_a_plan_made_once_goes_by_the_indexes(busy: asyncpg.Connection) -> None:
    assert await indexes_used(busy, generic=True) == EXPECTED


async def test_a_plan_made_while_there_was_nothing_goes_by_the_indexes(connection: asyncpg.Connection) -> None:
    assert await indexes_used(connection, generic=True) == EXPECTED


async def test_a_plan_made_for_what_is_asked_goes_by_the_indexes(busy: asyncpg.Connection) -> None:
    await busy.execute("SET plan_cache_mode = force_custom_plan; SET enable_seqscan = on; SET enable_bitmapscan = on")
    used = await indexes_used(busy, generic=False)
    # It sees values: what no session asked for need not be looked for at all.
    assert {use: names for use, names in used.items() if not names <= EXPECTED[use]} == {}


async def test_a_claim_reads_the_queue_in_order_and_no_further_than_it_needs(busy: asyncpg.Connection) -> None:
    for generic in (True, False):
        (lock,) = [n for n in await explain(busy, USES["claim"], generic=generic) if n["Node Type"] == "LockRows"]
        assert [part.get("Index Name") for part in lock["Plans"]] == ["ix_tasks_claim"]
