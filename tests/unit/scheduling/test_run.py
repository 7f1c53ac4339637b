"""How a run stands, and which of its tasks its end waited for."""

from __future__ import annotations

import pytest

from domain.scheduling.ids import TaskId
from domain.scheduling.run import Member, RunState, critical_path, state_of
from domain.scheduling.task_status import TaskStatus
from tests.builders import MINUTE, NOON, uid
from tests.unit.scheduling.graphs import graph, job

S = TaskStatus


def member(number: int, start: int, end: int | None) -> Member:
    return Member(
        task_id=TaskId(uid(100 + number)),
        job_id=job(number),
        started_at=NOON + MINUTE * start,
        ended_at=None if end is None else NOON + MINUTE * end,
    )


def test_the_critical_path_follows_whatever_ended_last_at_each_step() -> None:
    made = graph({2: [1], 3: [1], 4: [2, 3], 5: [1]})
    members = [member(1, 0, 1), member(2, 1, 2), member(3, 1, 9), member(4, 9, 12), member(5, 1, 11)]
    assert [each.job_id for each in critical_path(members, made)] == [job(1), job(3), job(4)]


def test_what_has_not_ended_is_on_no_path() -> None:
    assert critical_path([member(1, 0, None)], graph({2: [1]})) == []


@pytest.mark.parametrize(
    ("counts", "judged", "cancelled", "state"),
    [
        ({S.COMPLETED: 3}, True, False, RunState.COMPLETED),
        ({S.COMPLETED: 3}, False, False, RunState.RUNNING),
        ({S.COMPLETED: 3, S.BLOCKED: 1}, True, False, RunState.RUNNING),
        ({S.COMPLETED: 1, S.FAILED: 1, S.SKIPPED: 1}, True, False, RunState.FAILED),
        ({S.COMPLETED: 1, S.TIMEOUT: 1}, True, False, RunState.FAILED),
        ({S.COMPLETED: 1, S.SKIPPED: 1}, True, False, RunState.COMPLETED),
        ({S.COMPLETED: 1, S.CANCELLED: 1}, True, False, RunState.CANCELLED),
        ({S.COMPLETED: 1}, True, True, RunState.CANCELLED),
    ],
)
def test_a_run_stands_as_its_tasks_do(
    counts: dict[TaskStatus, int], judged: bool, cancelled: bool, state: RunState
) -> None:
    assert state_of(counts, judged=judged, cancelled=cancelled) is state
