"""The reader of scheduling shows what the store holds, page by page, on every store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
import sqlalchemy as sa

from application.scheduling.queries import JobFilter, OccurrenceFilter, Slice, TaskFilter
from application.shared.clock import Clock
from domain.scheduling.errors import ExecutorNotFound, JobNotFound, TaskNotFound
from domain.shared.errors import Invalid
from domain.shared.ids import DEFAULT_TENANT, TenantId
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.scheduling.reader import SqlSchedulingReader
from infrastructure.sql.scheduling.tables import executors, jobs, occurrences, schedules
from infrastructure.sql.scheduling.task_tables import orphan_results, task_attempts, task_history, task_logs, tasks

NOON = datetime(2031, 5, 4, 12, tzinfo=UTC)
ELSEWHERE = TenantId("elsewhere")
HALF_A_SECOND = timedelta(milliseconds=500)


class NoClock(Clock):
    def now(self) -> datetime:
        raise AssertionError("a reader reads no clock")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    store = open_store(store_url, NoClock())
    yield store
    await store.dispose()


@pytest.fixture
def reader(store: Store) -> SqlSchedulingReader:
    return SqlSchedulingReader(store)


async def put(store: Store, table: sa.Table, *rows: Mapping[str, Any]) -> None:
    async with store.engine.begin() as connection:
        await connection.execute(sa.insert(table), rows)


def numbered(n: int) -> UUID:
    """Ids that sort by `n`, as those of the platform sort by time."""
    return UUID(int=(n << 80) | 7)


def job(n: int, name: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": numbered(n), "tenant": DEFAULT_TENANT, "name": name, "type": "COMMAND", "handler": None,
        "status": "ACTIVE", "status_reason": None, "lane": 1, "priority": 7, "max_attempts": 3, "timeout_s": None,
        "queue_timeout_s": None, "parameters": '{"command":["true"]}', "tags": "[]",
        "spec": f'{{"name":"{name}","type":"COMMAND"}}', "definition_version": 1, "version": 4,
        "created_at": NOON, "created_by": "ann", "updated_at": NOON + HALF_A_SECOND, "updated_by": "bob",
    }  # fmt: skip
    return row | more


def task(n: int, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(tasks.columns.keys()) | {
        "id": numbered(n), "tenant": DEFAULT_TENANT, "job_id": numbered(1), "job_name": "backup", "job_version": 1,
        "run_id": numbered(n), "origin": "SCHEDULE", "status": "PENDING", "lane": 1, "rank": 0, "priority": 5,
        "attempt": 0, "max_attempts": 3, "lost": 0, "snoozed": 0, "absences": 0, "scheduled_time": NOON,
        "ready_at": NOON, "created_at": NOON, "parameters": "{}", "version": 1,
    }  # fmt: skip
    return row | more


def ended(n: int, status: str = "COMPLETED", **more: Any) -> dict[str, Any]:
    return task(n, status=status, attempt=1, ended_at=NOON + timedelta(seconds=n), **more)


def log_batch(n: int, token: int, sequence: int, *lines: str, level: str = "INFO") -> dict[str, Any]:
    written = [{"at": "2031-05-04T12:00:00Z", "level": level, "stream": "stdout", "message": line} for line in lines]
    return {
        "task_id": numbered(n), "token": token, "sequence": sequence, "attempt": token - 10, "at": NOON,
        "lines": msgspec.json.encode(written).decode(),
    }  # fmt: skip


def occurrence(n: int, nominal: datetime, decision: str = "FIRED") -> dict[str, Any]:
    return {
        "id": numbered(n), "job_id": numbered(1), "fire_key": nominal.isoformat(), "decision": decision,
        "nominal_at": nominal, "first_nominal_at": nominal, "planned_at": nominal, "count": 1, "reason": None,
        "task_id": None, "job_version": 1, "tzdata_version": "2031a", "decided_at": nominal + HALF_A_SECOND,
    }  # fmt: skip


def executor(name: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": name, "tenant": DEFAULT_TENANT, "status": "ONLINE", "status_reason": None, "instance_id": uuid4(),
        "epoch": 2, "host": "h", "worker_version": "1.0", "pool": "default", "labels": '{"os":"linux"}',
        "types": '["COMMAND"]', "handlers": "[]", "slots": 10, "registered_at": NOON, "last_heartbeat_at": NOON,
        "version": 1,
    }  # fmt: skip
    return row | more


async def test_a_job_is_found_by_its_id_and_by_its_name(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, jobs, job(1, "backup"))
    by_name = await reader.job(DEFAULT_TENANT, "backup")
    assert by_name == await reader.job(DEFAULT_TENANT, numbered(1))
    assert (by_name.id, by_name.status, by_name.priority, by_name.version) == (numbered(1), "ACTIVE", 7, 4)
    assert (by_name.created_at, by_name.updated_at) == (NOON, NOON + HALF_A_SECOND)
    assert bytes(by_name.parameters) == b'{"command":["true"]}'
    assert by_name.next_fire_at is None
    assert not by_name.exhausted


async def test_a_jobs_definition_is_shown_with_its_defaults(store: Store, reader: SqlSchedulingReader) -> None:
    spec = (
        '{"name":"b","type":"COMMAND","trigger":{"type":"CRON","expression":"0 2 * * *","jitter":"PT5S"},"tags":["x"]}'
    )
    await put(store, jobs, job(1, "b", spec=spec))
    found = await reader.job(DEFAULT_TENANT, "b")
    trigger = msgspec.json.decode(found.trigger)
    assert trigger["type"] == "CRON"
    assert (trigger["expression"], trigger["jitter"], trigger["timeZone"]) == ("0 2 * * *", "PT5S", "UTC")
    assert trigger["dst"] == {"gap": "AUTO", "overlap": "AUTO"}
    assert msgspec.json.decode(found.misfire)["policy"] == "FIRE_ONCE"
    assert found.tags == ["x"]


def schedule(n: int, **more: Any) -> dict[str, Any]:
    return {"job_id": numbered(n), "job_version": 1, "lane": 1, "policy": "{}", "upcoming": "[]"} | more


async def test_a_job_is_shown_with_the_state_of_its_schedule(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, jobs, job(1, "backup"))
    stands = {"due_at": NOON, "last_fired_at": NOON - HALF_A_SECOND, "health_error": "no such calendar"}
    await put(store, schedules, schedule(1, **stands))
    found = await reader.job(DEFAULT_TENANT, "backup")
    assert (found.next_fire_at, found.last_fire_at) == (NOON, NOON - HALF_A_SECOND)
    assert found.health_error == "no such calendar"


async def test_a_job_is_exhausted_when_nothing_is_left_of_its_trigger(
    store: Store, reader: SqlSchedulingReader
) -> None:
    cron = '{"name":"x","type":"COMMAND","trigger":{"type":"CRON","expression":"0 2 * * *"}}'
    await put(store, jobs, job(1, "by-hand"), job(2, "over", spec=cron), job(3, "nearly", spec=cron))
    left = {1: "[]", 2: "[]", 3: "[1900000000000000]"}
    await put(store, schedules, *(schedule(n, upcoming=text, exhausted=True) for n, text in left.items()))
    found = (await reader.jobs(DEFAULT_TENANT, JobFilter(), Slice())).items
    assert {item.name: item.exhausted for item in found} == {"by-hand": False, "over": True, "nearly": False}


async def test_a_deleted_job_is_found_by_its_id_only(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, jobs, job(1, "backup", status="DELETED"), job(2, "backup"))
    assert (await reader.job(DEFAULT_TENANT, "backup")).id == numbered(2)
    assert (await reader.job(DEFAULT_TENANT, numbered(1))).status == "DELETED"
    assert [j.id for j in (await reader.jobs(DEFAULT_TENANT, JobFilter(), Slice())).items] == [numbered(2)]
    deleted = await reader.jobs(DEFAULT_TENANT, JobFilter(statuses=["DELETED"]), Slice())
    assert [j.id for j in deleted.items] == [numbered(1)]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (JobFilter(), ["a", "b", "c"]),
        (JobFilter(statuses=["PAUSED", "CREATED"]), ["b"]),
        (JobFilter(names=["c", "a", "nobody"]), ["a", "c"]),
        (JobFilter(tags=["team:x"]), ["a", "b"]),
        (JobFilter(tags=["team:y", "nobody"]), ["b"]),
        (JobFilter(tags=["team:x"], statuses=["ACTIVE"]), ["a"]),
    ],
)
async def test_jobs_are_listed_by_name_and_filtered(
    store: Store, reader: SqlSchedulingReader, where: JobFilter, names: Sequence[str]
) -> None:
    tagged = {"tags": '["team:x","team:y"]', "status": "PAUSED"}
    await put(store, jobs, job(1, "c"), job(2, "a", tags='["team:x"]'), job(3, "b", **tagged))
    await put(store, jobs, job(4, "a", tenant=ELSEWHERE))
    assert [found.name for found in (await reader.jobs(DEFAULT_TENANT, where, Slice())).items] == names


async def test_every_job_is_on_exactly_one_page(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, jobs, *(job(n, f"job-{n % 3}", status="DELETED") for n in range(7)))
    where, cursor, seen = JobFilter(statuses=["DELETED"]), None, list[UUID]()
    for size in (3, 3, 1):
        page = await reader.jobs(DEFAULT_TENANT, where, Slice(limit=3, cursor=cursor))
        assert len(page.items) == size
        seen += [item.id for item in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert seen == [numbered(n) for n in (0, 3, 6, 1, 4, 2, 5)]


async def test_what_belongs_to_another_tenant_does_not_exist(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, jobs, job(1, "backup"))
    await put(store, tasks, task(10))
    await put(store, executors, executor("local"))
    await put(store, occurrences, occurrence(20, NOON))
    with pytest.raises(JobNotFound):
        await reader.job(ELSEWHERE, "backup")
    with pytest.raises(JobNotFound):
        await reader.job(ELSEWHERE, numbered(1))
    with pytest.raises(TaskNotFound):
        await reader.task(ELSEWHERE, numbered(10))
    with pytest.raises(TaskNotFound):
        await reader.attempts(ELSEWHERE, numbered(10))
    with pytest.raises(TaskNotFound):
        await reader.log(ELSEWHERE, numbered(10), (), Slice())
    with pytest.raises(ExecutorNotFound):
        await reader.executor(ELSEWHERE, "local")
    assert (await reader.tasks(ELSEWHERE, TaskFilter(), Slice())).items == []
    assert (await reader.executors(ELSEWHERE, (), Slice())).items == []
    assert (await reader.occurrences(ELSEWHERE, numbered(1), OccurrenceFilter(), Slice())).items == []


async def test_a_task_is_found_alive_and_in_history(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, tasks, task(10, stopping_until=NOON, progress=0.5, parameters='{ "a": 1 }'))
    error = '{"code":"EXIT_CODE","message":"exit code 3"}'
    await put(store, task_history, ended(9, "FAILED", result='{"exitCode":3}', error=error, token=11))
    alive, over = await reader.task(DEFAULT_TENANT, numbered(10)), await reader.task(DEFAULT_TENANT, numbered(9))
    assert (alive.stopping, alive.progress, alive.result, alive.error) == (True, 0.5, None, None)
    assert bytes(alive.parameters) == b'{ "a": 1 }'
    assert over.result is not None
    assert msgspec.json.decode(over.result) == {"exitCode": 3}
    assert over.error is not None
    assert (over.error.code, over.error.message, over.error.stack) == ("EXIT_CODE", "exit code 3", None)
    assert (over.token, over.ended_at, over.stopping) == (11, NOON + timedelta(seconds=9), False)


async def test_live_tasks_and_history_are_one_list_newest_first(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, tasks, task(6), task(3), task(5, job_id=numbered(2)))
    await put(store, task_history, ended(4), ended(1), ended(2))
    cursor, seen = None, list[UUID]()
    for _ in range(3):
        page = await reader.tasks(DEFAULT_TENANT, TaskFilter(), Slice(limit=2, cursor=cursor))
        seen += [item.id for item in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert seen == [numbered(n) for n in (6, 5, 4, 3, 2, 1)]


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (TaskFilter(job_id=numbered(2)), [7, 3]),
        (TaskFilter(statuses=["PENDING"]), [6]),
        (TaskFilter(statuses=["CANCELLED"]), [7, 5]),
        (TaskFilter(statuses=["COMPLETED", "PENDING"]), [6, 4, 3]),
        (TaskFilter(job_id=numbered(2), statuses=["COMPLETED"]), [3]),
    ],
)
async def test_tasks_are_filtered(
    store: Store, reader: SqlSchedulingReader, where: TaskFilter, numbers: Sequence[int]
) -> None:
    await put(store, tasks, task(7, status="CANCELLED", job_id=numbered(2), stopping_until=NOON), task(6))
    await put(store, task_history, ended(5, "CANCELLED"), ended(4), ended(3, job_id=numbered(2)))
    found = await reader.tasks(DEFAULT_TENANT, where, Slice())
    assert [item.id for item in found.items] == [numbered(n) for n in numbers]


async def test_attempts_end_with_the_one_in_the_tasks_own_row(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, tasks, task(10, status="RUNNING", attempt=2, token=12, executor_id="b", claimed_at=NOON))
    earlier = {
        "task_id": numbered(10), "attempt": 1, "status": "FAILED", "executor_id": "a", "token": 11, "ended_at": NOON,
        "error": '{"code":"EXECUTOR_LOST","message":"gone"}',
    }  # fmt: skip
    await put(store, task_attempts, earlier)
    first, second = await reader.attempts(DEFAULT_TENANT, numbered(10))
    assert (first.attempt, first.status, first.executor_id, first.token) == (1, "FAILED", "a", 11)
    assert first.error is not None
    assert first.error.code == "EXECUTOR_LOST"
    assert (second.attempt, second.status, second.token, second.ended_at) == (2, "RUNNING", 12, None)


async def test_an_attempt_that_waits_for_the_next_is_shown_once(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, tasks, task(10, status="WAITING_RETRY", attempt=1, token=11))
    await put(store, task_attempts, {"task_id": numbered(10), "attempt": 1, "status": "FAILED", "token": 11})
    assert [(a.attempt, a.status) for a in await reader.attempts(DEFAULT_TENANT, numbered(10))] == [(1, "FAILED")]


async def test_what_was_reported_too_late_is_shown_by_its_lease(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, task_history, task(10, status="COMPLETED", ended_at=NOON))
    late = {"task_id": numbered(10), "executor_id": "a", "reported_at": NOON, "status": "COMPLETED", "error": None}
    failed = {"status": "FAILED", "result": None, "error": '{"code":"DISK_FULL","message":"full"}'}
    await put(store, orphan_results, late | {"token": 12, "result": "[1]"}, late | {"token": 11} | failed)
    first, second = await reader.orphans(DEFAULT_TENANT, numbered(10))
    assert (first.token, first.executor_id, first.reported_at, first.status) == (11, "a", NOON, "FAILED")
    assert first.error is not None
    assert (first.error.code, first.result, second.error) == ("DISK_FULL", None, None)
    assert (second.token, second.result) == (12, msgspec.Raw(b"[1]"))
    with pytest.raises(TaskNotFound):
        await reader.orphans(ELSEWHERE, numbered(10))


async def test_a_task_that_nobody_has_claimed_has_no_attempts(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, tasks, task(10))
    assert await reader.attempts(DEFAULT_TENANT, numbered(10)) == []
    with pytest.raises(TaskNotFound):
        await reader.attempts(DEFAULT_TENANT, numbered(11))


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_a_log_is_read_in_order_whatever_the_page(store: Store, reader: SqlSchedulingReader, limit: int) -> None:
    await put(store, tasks, task(10))
    later, first = log_batch(10, 12, 0, "5", "6"), log_batch(10, 11, 0, "0", "1", "2")
    await put(store, task_logs, later, first, log_batch(10, 11, 1, "3"), log_batch(10, 11, 2, "4"))
    cursor, read = None, list[tuple[int, str]]()
    while True:
        page = await reader.log(DEFAULT_TENANT, numbered(10), (), Slice(limit=limit, cursor=cursor))
        if not page.items:
            break
        assert len(page.items) <= limit
        read += [(line.attempt, line.message) for line in page.items]
        cursor = page.next_cursor
    assert read == [(1, "0"), (1, "1"), (1, "2"), (1, "3"), (1, "4"), (2, "5"), (2, "6")]


async def test_a_follower_goes_on_where_the_log_had_ended(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, task_history, ended(10))
    empty = await reader.log(DEFAULT_TENANT, numbered(10), (), Slice())
    assert empty.items == []
    await put(store, task_logs, log_batch(10, 11, 0, "a"))
    page = await reader.log(DEFAULT_TENANT, numbered(10), (), Slice(cursor=empty.next_cursor))
    assert [line.message for line in page.items] == ["a"]
    await put(store, task_logs, *(log_batch(10, 11, n, str(n)) for n in range(1, 40)))
    rest = await reader.log(DEFAULT_TENANT, numbered(10), (), Slice(cursor=page.next_cursor))
    assert [line.message for line in rest.items] == [str(n) for n in range(1, 40)]


async def test_a_log_is_filtered_by_level(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, tasks, task(10))
    noise = [log_batch(10, 11, n, "quiet") for n in range(40)]
    await put(store, task_logs, *noise, log_batch(10, 11, 40, "loud", level="ERROR"))
    page = await reader.log(DEFAULT_TENANT, numbered(10), ["WARN", "ERROR"], Slice(limit=2))
    assert [(line.level, line.message) for line in page.items] == [("ERROR", "loud")]


async def test_the_ledger_is_read_newest_first(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, jobs, job(1, "backup"))
    times = [NOON + timedelta(microseconds=n) for n in range(3)]
    await put(store, occurrences, *(occurrence(20 + n, t) for n, t in enumerate(times)))
    await put(store, occurrences, occurrence(30, times[1], "MISSED"))
    first = await reader.occurrences(DEFAULT_TENANT, numbered(1), OccurrenceFilter(), Slice(limit=2))
    assert [(o.nominal_at, o.decision) for o in first.items] == [(times[2], "FIRED"), (times[1], "MISSED")]
    assert (first.items[0].lag_seconds, first.items[0].count) == (0.5, 1)
    rest = Slice(limit=2, cursor=first.next_cursor)
    second = await reader.occurrences(DEFAULT_TENANT, numbered(1), OccurrenceFilter(), rest)
    assert [(o.nominal_at, o.decision) for o in second.items] == [(times[1], "FIRED"), (times[0], "FIRED")]
    assert second.next_cursor is None


async def test_the_ledger_shows_one_kind_of_decision_or_one_span(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, jobs, job(1, "backup"))
    hour = timedelta(hours=1)
    gap = occurrence(22, NOON + 5 * hour, "MISSED") | {"first_nominal_at": NOON + 2 * hour, "count": 4}
    await put(store, occurrences, occurrence(20, NOON), occurrence(21, NOON + hour, "COALESCED"), gap)

    async def found(**where: Any) -> list[str]:
        page = await reader.occurrences(DEFAULT_TENANT, numbered(1), OccurrenceFilter(**where), Slice())
        return [entry.decision for entry in page.items]

    assert await found(decisions=("MISSED", "FIRED")) == ["MISSED", "FIRED"]
    assert await found(since=NOON + hour) == ["MISSED", "COALESCED"]
    assert await found(until=NOON + hour) == ["FIRED"]
    assert await found(since=NOON + 3 * hour, until=NOON + 4 * hour) == ["MISSED"]  # inside of what it stands for
    assert await found(decisions=("FIRED",), since=NOON + hour) == []
    some = await reader.occurrences(DEFAULT_TENANT, numbered(1), OccurrenceFilter(), Slice(limit=1))
    other = OccurrenceFilter(decisions=("FIRED",))
    with pytest.raises(Invalid):
        await reader.occurrences(DEFAULT_TENANT, numbered(1), other, Slice(cursor=some.next_cursor))


async def test_a_cursor_of_another_list_is_refused(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, tasks, task(1), task(2))
    page = await reader.tasks(DEFAULT_TENANT, TaskFilter(), Slice(limit=1))
    for cursor in (page.next_cursor, "", "é", "AAAA", "!", "bm90IGpzb24"):
        with pytest.raises(Invalid) as refusal:
            await reader.tasks(DEFAULT_TENANT, TaskFilter(statuses=["PENDING"]), Slice(cursor=cursor))
        assert refusal.value.code == "INVALID_CURSOR"
