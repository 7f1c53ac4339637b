"""Reports of executors: written in the right order, answered in theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from application.scheduling.report_intake import ReportIntake, Taken
from application.shared.wake_up import OPENINGS, task_topic
from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.report import Report, ReportKind
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.settlement import ReportOutcome
from domain.scheduling.task import STOP_GRACE, Origin, TaskError
from domain.scheduling.task_status import TaskStatus
from domain.shared.json_value import JsonText
from tests.builders import EXECUTOR_ID, JOB_ID, LANE, MINUTE, NOON, uid
from tests.unit.application.fake_exchange import FakeTaskExchange
from tests.unit.application.fake_queues import StoredTask
from tests.unit.application.fake_store import FakeStore
from tests.unit.application.fakes import FixedDice, HeardWakeUp

SESSION = Session(executor_id=EXECUTOR_ID, epoch=1)
APPLIED, ALREADY, LOST = ReportOutcome.APPLIED, ReportOutcome.ALREADY, ReportOutcome.LEASE_LOST
A, B = TaskId(uid(11)), TaskId(uid(12))
EXIT_3 = TaskError("EXIT_CODE", "exit code 3")


def held(id_: TaskId, token: int = 7, status: TaskStatus = TaskStatus.RUNNING, **fields: Any) -> StoredTask:
    """A task that the session holds."""
    given = {"policy": RetryPolicy(), "attempt": 1, "holder": SESSION, **fields}
    return StoredTask(
        id=id_, job_id=JOB_ID, lane=LANE, origin=Origin.DIRECT, status=status, gate=None, ready_at=NOON,
        scheduled_time=NOON, token=token, **given,
    )  # fmt: skip


def report(kind: str, id_: TaskId = A, token: int = 7, **fields: Any) -> Report:
    return Report(task_id=id_, token=token, kind=ReportKind(kind), **fields)


class Intake:
    """An intake on its own store; `report` does what a claim does with reports."""

    def __init__(self, *tasks: StoredTask) -> None:
        self.store = FakeStore()
        self.store.tables.tasks = {task.id: task for task in tasks}
        self.exchange, self.wake_up = FakeTaskExchange(self.store), HeardWakeUp()
        self._intake = ReportIntake(self.exchange, FixedDice(), self.wake_up)

    async def report(self, *reports: Report) -> list[ReportOutcome]:
        taken = await self._intake.take(SESSION, reports)
        answer = await self.exchange.exchange(SESSION, taken.settlements, None)
        await self._intake.finish(SESSION, taken, answer)
        await self._intake.finish(SESSION, taken, answer)  # a claim that waits finishes at every turn
        return taken.outcomes(reports)

    def task(self, id_: TaskId = A) -> StoredTask:
        return self.store.tables.tasks[id_]


async def test_the_end_of_an_attempt_is_written_after_its_lines_and_its_start() -> None:
    intake = Intake(held(A, status=TaskStatus.ASSIGNED))
    outcomes = await intake.report(
        report("FAIL", error=EXIT_3), report("START"), report("LOG", lines=JsonText('[{"message":"x"}]'), sequence=1)
    )
    assert outcomes == [APPLIED] * 3
    assert intake.exchange.calls == ["log", "start", "attempts", "exchange"]
    assert [(b.task_id, b.token, b.sequence, b.lines) for b in intake.exchange.lines] == [
        (A, 7, 1, '[{"message":"x"}]')
    ]  # fmt: skip


async def test_no_reports_ask_the_store_for_nothing() -> None:
    intake = Intake()
    assert await intake.report() == []
    assert intake.exchange.calls == ["exchange"]
    assert intake.wake_up.hints == []


async def test_completing_needs_no_facts_and_keeps_the_result() -> None:
    intake = Intake(held(A))
    assert await intake.report(report("COMPLETE", result=JsonText('{"exitCode":0}'))) == [APPLIED]
    assert intake.exchange.calls == ["exchange"]
    assert (intake.task().status, intake.task().result) == (TaskStatus.COMPLETED, '{"exitCode":0}')
    assert (task_topic(A), None) in intake.wake_up.hints
    assert OPENINGS not in intake.wake_up.topics


async def test_a_failure_waits_for_its_next_attempt_and_the_admitter_hears_of_it() -> None:
    intake = Intake(held(A))
    assert await intake.report(report("FAIL", error=EXIT_3)) == [APPLIED]
    assert (intake.task().status, intake.task().ready_at) == (TaskStatus.WAITING_RETRY, NOON + MINUTE)
    assert intake.task().error == EXIT_3
    assert OPENINGS in intake.wake_up.topics


async def test_a_failure_without_a_reason_gets_one() -> None:
    intake = Intake(held(A, policy=RetryPolicy(max_attempts=1)))
    await intake.report(report("FAIL"))
    assert intake.task().status is TaskStatus.FAILED
    assert intake.task().error == TaskError("FAILED", "The executor gave no reason.")


async def test_a_failure_that_is_not_worth_repeating_is_final() -> None:
    intake = Intake(held(A))
    await intake.report(report("FAIL", error=EXIT_3, retryable=False))
    assert intake.task().status is TaskStatus.FAILED


async def test_a_released_attempt_counts_as_lost_and_is_ready_at_once() -> None:
    intake = Intake(held(A))
    assert await intake.report(report("RELEASE")) == [APPLIED]
    released = intake.task()
    assert (released.status, released.ready_at, released.lost) == (TaskStatus.WAITING_RETRY, NOON, 1)


@pytest.mark.parametrize("kind", ["START", "LOG", "COMPLETE", "FAIL", "RELEASE", "STOPPED"])
async def test_a_report_under_a_stale_token_has_lost_its_lease_and_changes_nothing(kind: str) -> None:
    intake = Intake(held(A, token=8))
    assert await intake.report(report(kind, token=7, error=EXIT_3 if kind == "FAIL" else None)) == [LOST]
    assert intake.task() == held(A, token=8)
    assert intake.exchange.lines == []


@pytest.mark.parametrize("kind", ["START", "LOG", "COMPLETE", "FAIL", "RELEASE", "STOPPED"])
async def test_a_report_about_a_task_that_nobody_knows_has_lost_its_lease(kind: str) -> None:
    assert await Intake().report(report(kind)) == [LOST]


async def test_what_comes_too_late_is_kept_as_an_orphan() -> None:
    intake = Intake(held(A, token=8), held(B, token=8))
    await intake.report(report("COMPLETE", A, result=JsonText("7")), report("FAIL", B, error=EXIT_3))
    assert [(s.task_id, s.token, s.result, s.error) for s in intake.exchange.orphans] == [
        (A, 7, "7", None), (B, 7, None, EXIT_3)
    ]  # fmt: skip


async def test_what_was_never_started_cannot_complete() -> None:
    intake = Intake(held(A, status=TaskStatus.ASSIGNED))
    assert await intake.report(report("COMPLETE")) == [ReportOutcome.INVALID]
    assert await intake.report(report("COMPLETE"), report("START")) == [APPLIED, APPLIED]


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("kind", ["COMPLETE", "FAIL", "RELEASE"])
async def test_repeating_the_end_of_an_attempt_is_harmless(kind: str, attempts: int) -> None:
    intake = Intake(held(A, policy=RetryPolicy(max_attempts=attempts)))
    assert await intake.report(report(kind, error=EXIT_3)) == [APPLIED]
    settled = intake.task()
    assert await intake.report(report(kind, error=EXIT_3)) == [ALREADY]
    assert intake.task() == settled


async def test_repeating_lines_keeps_them_once() -> None:
    intake = Intake(held(A))
    lines = report("LOG", lines=JsonText("[]"), sequence=3)
    assert await intake.report(lines) == await intake.report(lines) == [APPLIED]
    assert len(intake.exchange.lines) == 1


async def test_one_lost_lease_does_not_touch_the_rest_of_the_batch() -> None:
    intake = Intake(held(A), held(B, token=9))
    assert await intake.report(
        report("COMPLETE", B, 7), report("COMPLETE", A), report("LOG", B, 9), report("LOG", B, 7, sequence=2)
    ) == [LOST, APPLIED, APPLIED, LOST]


@pytest.mark.parametrize("kind", ["START", "LOG", "COMPLETE", "FAIL", "RELEASE"])
async def test_reports_of_a_former_attempt_do_not_hide_behind_those_of_the_present_one(kind: str) -> None:
    intake = Intake(held(A, token=9))
    former, present = report(kind, token=7, error=EXIT_3 if kind == "FAIL" else None), report("COMPLETE", token=9)
    for batch in ([former, report("LOG", token=9), present], [present, former]):
        outcomes = dict(zip([r.token for r in batch], await intake.report(*batch), strict=True))
        assert outcomes[7] is LOST
        assert outcomes[9] in (APPLIED, ALREADY)
    assert intake.task().status is TaskStatus.COMPLETED
    assert [s.token for s in intake.exchange.orphans] == [7, 7] * (kind in ("COMPLETE", "FAIL", "RELEASE"))


async def test_each_of_several_tokens_of_one_task_in_a_batch_has_its_own_outcome() -> None:
    intake = Intake(held(A, token=7))
    assert await intake.report(report("COMPLETE", token=7)) == [APPLIED]
    batch = [report("COMPLETE", token=token) for token in (9, 7, 5)]
    assert await intake.report(*batch) == [LOST, ALREADY, LOST]


async def test_of_two_ends_of_one_attempt_in_a_batch_the_first_counts() -> None:
    intake = Intake(held(A))
    assert await intake.report(report("COMPLETE"), report("FAIL", error=EXIT_3), report("COMPLETE")) == [
        APPLIED, LOST, APPLIED
    ]  # fmt: skip
    assert intake.task().status is TaskStatus.COMPLETED


async def test_an_attempt_that_was_to_stop_has_stopped_when_it_says_so() -> None:
    intake = Intake(held(A, status=TaskStatus.CANCELLED, stopping_until=NOON + STOP_GRACE))
    assert await intake.report(report("STOPPED")) == [APPLIED]
    assert (intake.task().stopping_until, intake.task().holder) == (None, None)
    assert OPENINGS in intake.wake_up.topics


@pytest.mark.parametrize("kind", ["COMPLETE", "FAIL", "RELEASE"])
async def test_an_attempt_that_was_to_stop_and_ended_by_itself_has_stopped_as_well(kind: str) -> None:
    stopping = held(A, status=TaskStatus.CANCELLED, stopping_until=NOON + STOP_GRACE)
    intake = Intake(stopping)
    assert await intake.report(report(kind)) == [LOST]
    assert intake.task() == replace(stopping, stopping_until=None, holder=None, token=None)


async def test_followers_of_a_log_hear_of_new_lines() -> None:
    intake = Intake(held(A), held(B))
    await intake.report(report("LOG", A), report("LOG", B))
    assert {task_topic(A), task_topic(B)} <= intake.wake_up.topics


def test_outcomes_are_in_the_order_of_the_reports() -> None:
    start, log = report("START"), report("LOG")
    taken = Taken(known={(A, 7, ReportKind.LOG): APPLIED})
    assert taken.outcomes([start, log, log]) == [LOST, APPLIED, APPLIED]


async def test_the_last_word_on_how_far_an_attempt_is_counts() -> None:
    intake = Intake(held(A), held(B))
    outcomes = await intake.report(
        report("PROGRESS", progress=0.25, message="begun"),
        report("CHECKPOINT", checkpoint=JsonText("1")),
        report("PROGRESS", progress=0.5, message="half"),
        report("CHECKPOINT", B, checkpoint=JsonText("2")),
        report("PROGRESS", B, token=6, progress=0.9),
    )
    assert outcomes == [APPLIED] * 4 + [LOST]
    assert intake.exchange.calls == ["stand", "exchange"]
    assert [(t.progress, t.checkpoint) for t in (intake.task(A), intake.task(B))] == [(0.5, "1"), (None, "2")]
    assert [intake.task(id_).progress_message for id_ in (A, B)] == ["half", None]


async def test_a_handler_may_ask_to_be_called_again_later_or_not_at_all() -> None:
    intake = Intake(held(A), held(B, token=8))
    snoozed = report("SNOOZE", retry_after=5 * MINUTE, message="not yet")
    cancelled = report("CANCEL", B, 8, message="nothing to do")
    assert await intake.report(snoozed, cancelled) == [APPLIED, APPLIED]
    asleep, done = intake.task(A), intake.task(B)
    assert (asleep.status, asleep.snoozed, asleep.ready_at) == (TaskStatus.WAITING_RETRY, 1, NOON + 5 * MINUTE)
    assert (done.status, done.error and done.error.message) == (TaskStatus.CANCELLED, "nothing to do")
    assert OPENINGS in intake.wake_up.topics


async def test_a_failure_may_say_when_to_try_again() -> None:
    intake = Intake(held(A))
    assert await intake.report(report("FAIL", error=EXIT_3, retry_after=7 * MINUTE)) == [APPLIED]
    assert intake.task().ready_at == NOON + 7 * MINUTE
