"""Executors as they are shown: what they hold, and whether they finish any of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from application.scheduling.queries import Slice
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.reader import SqlSchedulingReader
from infrastructure.sql.scheduling.reader_executors import SHOWN
from infrastructure.sql.scheduling.reader_figures import SqlFigures
from infrastructure.sql.scheduling.tables import executors
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from tests.contract.test_scheduling_reader import NOON, executor, numbered, put, task

NOW = datetime.now(UTC).replace(microsecond=0)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def reader(store: Store) -> SqlSchedulingReader:
    return SqlSchedulingReader(store)


def held(n: int, by: str, since: timedelta | None = HOUR, job: int = 1, **more: Any) -> dict[str, Any]:
    """Run by `by` for so long; None = it has not begun."""
    started_at = None if since is None else NOW - since
    return task(n, executor_id=by, epoch=2, status="RUNNING", started_at=started_at, job_id=numbered(job), **more)


async def completed(store: Store, *took: timedelta, job: int = 1) -> None:
    """Runs of the job that took so long."""
    first = 1_000 * job
    rows = (
        task(first + n, status="COMPLETED", started_at=NOON, ended_at=NOON + each, job_id=numbered(job))
        for n, each in enumerate(took)
    )
    await put(store, task_history, *rows)


async def stalled(reader: SqlSchedulingReader) -> Sequence[str]:
    page = await reader.executors(DEFAULT_TENANT, [], Slice())
    assert all(each.stalled == bool(each.overlong_tasks) == bool(each.stalled_since) for each in page.items)
    return [each.id for each in page.items if each.stalled]


async def test_executors_are_listed_with_what_they_hold(store: Store, reader: SqlSchedulingReader) -> None:
    await put(store, executors, executor("b"), executor("a"), executor("c", status="OFFLINE"))
    await put(store, tasks, *(task(n, executor_id="a", status="RUNNING") for n in range(3)))
    page = await reader.executors(DEFAULT_TENANT, ["ONLINE"], Slice(limit=1))
    assert [(e.id, e.running_tasks, e.labels, e.types) for e in page.items] == [("a", 3, {"os": "linux"}, ["COMMAND"])]
    rest = await reader.executors(DEFAULT_TENANT, ["ONLINE"], Slice(limit=1, cursor=page.next_cursor))
    assert ([e.id for e in rest.items], rest.next_cursor) == (["b"], None)
    assert (await reader.executor(DEFAULT_TENANT, "c")).status == "OFFLINE"


async def test_an_executor_whose_every_task_takes_much_longer_than_usual_is_stalled(
    store: Store, reader: SqlSchedulingReader
) -> None:
    await completed(store, *[10 * SECOND] * 5)
    await completed(store, 20 * 60 * SECOND, job=2)
    await put(store, executors, executor("stuck"), executor("idle"))
    await put(store, tasks, held(1, "stuck"), held(2, "stuck", 2 * HOUR, job=2))
    shown = await reader.executor(DEFAULT_TENANT, "stuck")
    assert shown == (await reader.executors(DEFAULT_TENANT, [], Slice())).items[1]
    assert (shown.stalled, shown.stalled_since) == (True, NOW - HOUR + 60 * SECOND)
    assert [(each.id, each.started_at, each.usual_seconds) for each in shown.overlong_tasks] == [
        (numbered(2), NOW - 2 * HOUR, 1_200),
        (numbered(1), NOW - HOUR, 10),
    ]
    assert await stalled(reader) == ["stuck"]
    assert (await SqlFigures(store).figures()).stalled_executors == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda: held(2, "e", NOW - datetime.now(UTC)),  # by then the tests have been running for a while
        lambda: held(2, "e", None),
        lambda: held(2, "e", HOUR, job=2),
        lambda: held(2, "e", HOUR, job=3),
        lambda: held(2, "e", HOUR, job=4, timeout_s=7_200),
    ],
    ids=["began just now", "has not begun", "usually takes as long", "nobody knows how long", "may take longer"],
)
async def test_one_task_within_its_time_is_enough_not_to_be(
    store: Store, reader: SqlSchedulingReader, other: Callable[[], dict[str, Any]]
) -> None:
    await completed(store, SECOND)
    await completed(store, HOUR, job=2)
    await put(store, executors, executor("e"))
    await put(store, tasks, held(1, "e"))
    assert await stalled(reader) == ["e"]
    await put(store, tasks, other())
    assert await stalled(reader) == []
    assert (await SqlFigures(store).figures()).stalled_executors == 0


async def test_who_is_gone_is_not_stalled_and_what_stops_does_not_count(
    store: Store, reader: SqlSchedulingReader
) -> None:
    await completed(store, SECOND)
    await put(store, executors, executor("gone", status="OFFLINE"), executor("stops"))
    await put(store, tasks, held(1, "gone"), held(2, "stops") | {"status": "CANCELLED", "stopping_until": NOW})
    assert await stalled(reader) == []
    assert not (await reader.executor(DEFAULT_TENANT, "gone")).stalled


async def test_of_very_many_overlong_tasks_the_first_are_shown(store: Store, reader: SqlSchedulingReader) -> None:
    await completed(store, SECOND)
    await put(store, executors, executor("e"))
    await put(store, tasks, *(held(n, "e", HOUR + n * SECOND) for n in range(1, 31)))
    shown = (await reader.executor(DEFAULT_TENANT, "e")).overlong_tasks
    assert [each.id for each in shown] == [numbered(n) for n in range(30, 30 - SHOWN, -1)]
