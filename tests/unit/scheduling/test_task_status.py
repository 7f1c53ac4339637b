"""The transition table, held against the one that the product promises."""

from __future__ import annotations

import pytest

from domain.scheduling.settlement import EVENT_OF
from domain.scheduling.task_status import (
    CLAIMABLE,
    COUNTS_FOR_OVERLAP,
    FINAL,
    HELD,
    LIVE,
    REOPENED_BY_OPERATOR,
    TRANSITIONS,
    TaskStatus,
)

PROMISED = """
BLOCKED       → PENDING SKIPPED FAILED TIMEOUT CANCELLED
PENDING       → ASSIGNED TIMEOUT CANCELLED SKIPPED
ASSIGNED      → RUNNING WAITING_RETRY FAILED TIMEOUT CANCELLED
RUNNING       → COMPLETED FAILED TIMEOUT CANCELLED WAITING_RETRY
WAITING_RETRY → ASSIGNED TIMEOUT CANCELLED
COMPLETED     →
FAILED        →
TIMEOUT       →
CANCELLED     →
SKIPPED       →
"""
WAYS = {
    (TaskStatus(source.strip()), TaskStatus(target))
    for source, targets in (line.split("→") for line in PROMISED.strip().splitlines())
    for target in targets.split()
}


@pytest.mark.parametrize("source", TaskStatus)
@pytest.mark.parametrize("target", TaskStatus)
def test_a_task_goes_only_the_ways_that_are_promised(source: TaskStatus, target: TaskStatus) -> None:
    assert source.can_become(target) == ((source, target) in WAYS)


def test_every_state_has_its_line_in_the_table() -> None:
    assert set(TRANSITIONS) == set(TaskStatus)


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[TaskStatus.FAILED] = frozenset(TaskStatus)  # type: ignore[index]


@pytest.mark.parametrize("target", TaskStatus)
def test_the_sources_of_a_state_are_those_that_may_become_it(target: TaskStatus) -> None:
    assert TaskStatus.sources_of(target) == tuple(s for s in TaskStatus if (s, target) in WAYS)


def _reachable(start: TaskStatus) -> set[TaskStatus]:
    seen, open_ = {start}, [start]
    while open_:
        source = open_.pop()
        found = {target for a, target in WAYS if a is source} - seen
        seen |= found
        open_ += found
    return seen


def test_every_state_can_be_reached_from_those_a_task_begins_in() -> None:
    assert _reachable(TaskStatus.BLOCKED) == set(TaskStatus)
    assert _reachable(TaskStatus.PENDING) == set(TaskStatus) - {TaskStatus.BLOCKED}


@pytest.mark.parametrize("status", LIVE)
def test_every_live_task_can_come_to_an_end(status: TaskStatus) -> None:
    assert _reachable(status) & set(FINAL)


@pytest.mark.parametrize("status", LIVE)
def test_every_live_task_can_be_cancelled(status: TaskStatus) -> None:
    assert status.can_become(TaskStatus.CANCELLED)


def test_a_state_is_either_live_or_final() -> None:
    assert set(LIVE) | set(FINAL) == set(TaskStatus)
    assert not set(LIVE) & set(FINAL)
    assert set(FINAL) == {
        TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.TIMEOUT, TaskStatus.CANCELLED, TaskStatus.SKIPPED
    }  # fmt: skip


def test_only_what_waits_can_be_claimed() -> None:
    assert set(CLAIMABLE) == {TaskStatus.PENDING, TaskStatus.WAITING_RETRY}


def test_only_what_an_executor_holds_can_complete() -> None:
    assert set(HELD) == {TaskStatus.ASSIGNED, TaskStatus.RUNNING}
    assert set(TaskStatus.sources_of(TaskStatus.COMPLETED)) <= set(HELD)


def test_a_blocked_task_is_not_in_the_way_of_the_next_fire() -> None:
    assert set(COUNTS_FOR_OVERLAP) == set(LIVE) - {TaskStatus.BLOCKED}


def test_an_operator_reopens_what_ended_badly_and_nothing_else() -> None:
    assert {TaskStatus.FAILED, TaskStatus.TIMEOUT, TaskStatus.CANCELLED} == REOPENED_BY_OPERATOR


def test_every_end_of_an_attempt_is_an_event() -> None:
    assert set(EVENT_OF) == {*FINAL, TaskStatus.WAITING_RETRY}
    assert len(set(EVENT_OF.values())) == len(EVENT_OF)
