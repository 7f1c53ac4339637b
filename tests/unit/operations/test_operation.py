"""An operation knows when it is due next: after its interval, sooner after a failure, not at all while it is paused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.operations.execution import LONGEST_MESSAGE, Execution, ExecutionId, ExecutionStatus
from domain.operations.operation import LOCK_MARGIN, Operation, OperationStatus, OperationTerms
from domain.shared.errors import Invalid
from tests.builders import DAY, HOUR, MINUTE, NOON, SECOND, uid

TERMS = OperationTerms(name="sweep", description="Sweep.", every=HOUR, timeout=5 * MINUTE)
RUN = ExecutionId(uid(7))


def operation() -> Operation:
    return Operation(name="sweep", next_run_at=NOON)


def test_it_is_due_again_an_interval_after_it_ended() -> None:
    swept = operation()
    assert swept.is_due(NOON)
    swept.begin(RUN, TERMS, NOON)
    assert not swept.is_due(NOON + MINUTE)
    swept.succeed(TERMS, NOON + MINUTE)
    assert swept.next_run_at == NOON + MINUTE + HOUR


def test_if_nothing_is_heard_of_it_any_more_it_is_due_when_its_lock_is_free() -> None:
    swept = operation()
    swept.begin(RUN, TERMS, NOON)
    assert swept.next_run_at == NOON + 5 * MINUTE + LOCK_MARGIN == NOON + TERMS.held_at_most


def test_failures_are_tried_again_soon_then_later_and_never_later_than_usual() -> None:
    swept = operation()
    waits = []
    for _ in range(40):
        swept.fail(TERMS, NOON)
        waits.append(swept.next_run_at - NOON)
    assert waits[:4] == [30 * SECOND, MINUTE, 2 * MINUTE, 4 * MINUTE]
    assert waits[-1] == HOUR
    assert (swept.status, swept.failures) == (OperationStatus.ERROR, 40)
    swept.succeed(TERMS, NOON)
    assert (swept.status, swept.failures) == (OperationStatus.ACTIVE, 0)


def test_one_that_is_cut_off_is_due_at_once_and_has_not_failed() -> None:
    swept = operation()
    swept.begin(RUN, TERMS, NOON)
    swept.stop(NOON + SECOND)
    assert swept.is_due(NOON + SECOND)
    assert swept.status is OperationStatus.ACTIVE


def test_a_paused_one_is_never_due_and_keeps_its_first_reason() -> None:
    swept = operation()
    swept.pause("ann", "The disk is full.", NOON)
    swept.pause("bob", "Another reason.", NOON + MINUTE)
    assert (swept.paused_by, swept.paused_reason, swept.paused_at) == ("ann", "The disk is full.", NOON)
    assert (swept.status, swept.is_due(NOON + DAY)) == (OperationStatus.PAUSED, False)
    swept.resume()
    assert (swept.paused_by, swept.paused_reason, swept.is_due(NOON)) == (None, None, True)


def test_a_shorter_interval_holds_from_now_on_and_a_longer_one_after_the_next_time() -> None:
    swept = operation()
    swept.succeed(TERMS, NOON)
    swept.change_interval(MINUTE, TERMS, NOON)
    assert (swept.next_run_at, swept.interval(TERMS)) == (NOON + MINUTE, MINUTE)
    swept.change_interval(DAY, TERMS, NOON)
    assert swept.next_run_at == NOON + MINUTE
    swept.change_interval(None, TERMS, NOON)
    assert swept.interval(TERMS) == HOUR


@pytest.mark.parametrize("every", [timedelta(0), timedelta(milliseconds=999), timedelta(days=40_000)])
def test_an_interval_that_makes_no_sense_is_refused(every: timedelta) -> None:
    with pytest.raises(Invalid, match="every PT1S at most") as refused:
        operation().change_interval(every, TERMS, NOON)
    assert [problem.pointer for problem in refused.value.problems] == ["/every"]


def test_an_execution_says_what_became_of_it_in_so_many_characters() -> None:
    begun = Execution.due(RUN, "sweep", "Sweep.", NOON).begun("node-1", 3, NOON)
    assert begun.is_under_way
    failed = begun.ended(ExecutionStatus.ERROR, 12, "x" * 5000, NOON + MINUTE)
    assert (failed.processed, len(failed.error or ""), failed.ended_at) == (12, LONGEST_MESSAGE, NOON + MINUTE)
    lost = begun.abandoned(NOON + HOUR)
    assert (lost.status, lost.is_under_way) == (ExecutionStatus.CANCELLED, False)
    assert "node-1" in (lost.error or "")
