"""Every reason why a task does not run is named, with its numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.scheduling.dependency import EdgeType
from domain.scheduling.dependency_explanation import DependencyFacts, EdgeFacts
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.explanation import Explanation, Why
from domain.scheduling.ids import ExecutorId
from domain.scheduling.judging import Outcome
from domain.scheduling.placement import Capability, Lane
from domain.scheduling.task_explanation import ExecutorFacts, HolderFacts, KeyFacts, StopFacts, TaskFacts, explain
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from tests.builders import MINUTE, NOON, SECOND

LANE = Lane(tenant=DEFAULT_TENANT, pool="gpu", type="PYTHON", handler="report.render", requires=(("os", "linux"),))
ABLE = Capability(
    pool="gpu",
    types=frozenset({"PYTHON"}),
    handlers=frozenset({"report.render"}),
    labels={"os": "linux"},
    slots=2,
)
SILENCE = 120 * SECOND
LOAD = DependencyFacts(
    edges=[EdgeFacts(job="load", type=EdgeType.SUCCESS, outcome=Outcome.WAITING, why="load is RUNNING")], required=1
)
STOP = StopFacts(reason="the disk is full", since=NOON - MINUTE, by="ann")
FULL = KeyFacts(key="db", taken=2, most=2, by=("t-1", "t-2"))
FREE = KeyFacts(key="db", taken=1, most=2)
HERE = HolderFacts(id="e1", status=ExecutorStatus.ONLINE, last_heard=NOON - 5 * SECOND)


def executor(
    capability: Capability = ABLE, status: ExecutorStatus = ExecutorStatus.ONLINE, held: int = 0
) -> ExecutorFacts:
    return ExecutorFacts(id="e1", status=status, capability=capability, held=held)


def facts(status: TaskStatus = TaskStatus.PENDING, **given: Any) -> TaskFacts:
    known: dict[str, Any] = {
        "status": status,
        "gate": None,
        "attempt": 1,
        "max_attempts": 3,
        "priority": 5,
        "lane": LANE,
        "ready_at": NOON,
        "executors": (executor(),),
    }
    return TaskFacts(**known | given)


def told(**given: Any) -> Explanation:
    return explain(facts(**given), NOON, SILENCE)


CASES: dict[Why, tuple[TaskFacts, list[str]]] = {
    Why.ENDED: (facts(TaskStatus.FAILED, error="DISK_FULL: no space"), ["FAILED", "DISK_FULL: no space"]),
    Why.RUNNING: (facts(TaskStatus.RUNNING, holder=HERE), ["e1", "attempt 1 of 3"]),
    Why.STOPPING: (facts(TaskStatus.CANCELLED, holder=HERE, stopping_until=NOON + MINUTE), ["CANCELLED", "e1", "stop"]),
    Why.EXECUTOR_SILENT: (
        facts(
            TaskStatus.RUNNING,
            holder=HolderFacts(id="e1", status=ExecutorStatus.ONLINE, last_heard=NOON - 90 * SECOND),
        ),
        ["e1", "90 s"],
    ),
    Why.HANDED_OUT: (facts(TaskStatus.ASSIGNED, holder=HERE), ["e1"]),
    Why.NOT_FETCHED: (facts(TaskStatus.ASSIGNED, holder=HERE, is_undelivered=True), ["e1", "by name"]),
    Why.NOT_DUE: (facts(gate=Gate.TIME, ready_at=NOON + MINUTE), ["12:01:00Z"]),
    Why.RETRY_LATER: (
        facts(TaskStatus.WAITING_RETRY, gate=Gate.TIME, ready_at=NOON + MINUTE, error="A: b"),
        ["1 of 3", "A: b"],
    ),
    Why.WAITS_FOR_UPSTREAM: (
        facts(TaskStatus.BLOCKED, gate=Gate.DEPENDENCY, dependencies=LOAD),
        ["load is RUNNING", "0 of 1"],
    ),
    Why.PAUSED: (facts(TaskStatus.BLOCKED, gate=Gate.PAUSED), ["resumed"]),
    Why.LIMIT_REACHED: (facts(gate=Gate.LIMIT, slot=FULL), ["2 slots", "'db'", "t-1, t-2"]),
    Why.RATE_LIMITED: (facts(gate=Gate.RATE, rate_key="api", rate_free_at=NOON + MINUTE), ["'api'", "12:01:00Z"]),
    Why.TURN_OF_OTHERS: (facts(gate=Gate.FAIRNESS, turn=FULL), ["'db'", "2 tasks"]),
    Why.ABOUT_TO_BE_LET_IN: (facts(gate=Gate.LIMIT, slot=FREE), ["LIMIT"]),
    Why.CLAIMING_STOPPED: (facts(claiming=STOP), ["the disk is full", "ann"]),
    Why.POOL_PAUSED: (facts(pool=STOP), ["'gpu'", "the disk is full", "ann"]),
    Why.NO_EXECUTOR: (facts(executors=()), ["No executor is registered"]),
    Why.NAMED_EXECUTOR_AWAY: (
        facts(lane=replace(LANE, executor=ExecutorId("e7"))),
        ["e7 only", "not here"],
    ),
    Why.EXECUTORS_DRAINING: (facts(executors=(executor(status=ExecutorStatus.DRAINING),)), ["e1", "draining"]),
    Why.EXECUTORS_FULL: (facts(executors=(executor(held=2),)), ["2 slots", "1 executors"]),
    Why.BEHIND_OTHERS: (facts(ahead=7), ["7 tasks", "2 slots"]),
    Why.ABOUT_TO_BE_CLAIMED: (facts(ahead=1), ["Nothing holds it", "2 slots"]),
}


@pytest.mark.parametrize("why", Why)
def test_every_reason_that_there_is_is_named_with_its_numbers(why: Why) -> None:
    known, words = CASES[why]
    reasons = {reason.code: reason for reason in explain(known, NOON, SILENCE).reasons}
    assert why in reasons
    assert all(word in reasons[why].detail for word in words), reasons[why].detail


@pytest.mark.parametrize("gate", Gate)
def test_every_gate_has_a_reason_of_its_own(gate: Gate) -> None:
    held = {"ready_at": NOON + MINUTE, "slot": FULL, "turn": FULL, "rate_free_at": NOON + MINUTE, "dependencies": LOAD}
    (first, *_) = told(gate=gate, **held).reasons
    assert first.code not in (Why.ABOUT_TO_BE_LET_IN, Why.ABOUT_TO_BE_CLAIMED)


@pytest.mark.parametrize("status", TaskStatus)
def test_every_state_has_a_reason(status: TaskStatus) -> None:
    assert told(status=status, holder=HERE if status in (TaskStatus.ASSIGNED, TaskStatus.RUNNING) else None).reasons


@pytest.mark.parametrize(
    ("executors", "words"),
    [
        ((), ["No executor is registered"]),
        ((executor(Capability(pool="cpu", types=frozenset({"PYTHON"}))),), ["of 1 executors 0 are in pool 'gpu'"]),
        ((executor(Capability(pool="gpu", types=frozenset({"SQL"}))),), ["0 of these run PYTHON"]),
        (
            (executor(Capability(pool="gpu", types=frozenset({"PYTHON"}))),),
            ["1 of these run PYTHON", "0 of these have the handler 'report.render'"],
        ),
        (
            (executor(Capability(pool="gpu", types=ABLE.types, handlers=ABLE.handlers)),),
            ["1 of these have the handler", "0 of these carry the labels os=linux"],
        ),
    ],
)
def test_of_executors_it_says_at_which_demand_they_fall_away(
    executors: tuple[ExecutorFacts, ...], words: list[str]
) -> None:
    (reason,) = told(executors=executors).reasons
    assert reason.code is Why.NO_EXECUTOR
    assert all(word in reason.detail for word in words), reason.detail
    assert reason.fix is not None
    assert "report.render" in reason.fix


def test_a_run_that_waits_for_its_turn_is_told_which_run_is_before_it() -> None:
    (reason, *_) = told(gate=Gate.LIMIT, slot=KeyFacts(key="overlap:1", taken=1, most=1, by=("t-1",))).reasons
    assert reason.code is Why.LIMIT_REACHED
    assert "earlier run of its job is unfinished (t-1)" in reason.detail
    assert reason.fix is not None
    assert "overlap" not in reason.fix


def test_all_that_holds_it_is_said_the_nearest_first() -> None:
    reasons = told(gate=Gate.LIMIT, slot=FULL, claiming=STOP, pool=STOP, executors=()).reasons
    codes = [reason.code for reason in reasons]
    assert codes == [Why.LIMIT_REACHED, Why.CLAIMING_STOPPED, Why.POOL_PAUSED, Why.NO_EXECUTOR]


def test_the_earliest_start_is_known_only_where_nobody_has_to_act() -> None:
    assert told().earliest == NOON
    assert told(gate=Gate.TIME, ready_at=NOON + MINUTE).earliest == NOON + MINUTE
    assert told(gate=Gate.RATE, rate_key="k", rate_free_at=NOON + 2 * MINUTE).earliest == NOON + 2 * MINUTE
    assert told(gate=Gate.TIME, ready_at=NOON + MINUTE, executors=()).earliest is None
    assert told(gate=Gate.LIMIT, slot=FULL).earliest is None
    assert told(status=TaskStatus.COMPLETED).earliest is None
    assert told(status=TaskStatus.RUNNING, holder=HERE).earliest is None


def test_an_executor_that_beats_is_not_called_silent() -> None:
    beats = HolderFacts(id="e1", status=ExecutorStatus.ONLINE, last_heard=NOON - timedelta(seconds=31))
    assert told(status=TaskStatus.RUNNING, holder=beats).reasons[0].code is Why.RUNNING
