"""An executor is stalled when all that it runs takes much longer than usual."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.scheduling.ids import TaskId
from domain.scheduling.stall import SHORTEST, RunningTask, stall_of, usual_duration
from tests.builders import MINUTE, NOON, SECOND, uid

EPSILON = timedelta.resolution


def running(n: int = 1, usual: timedelta | None = None, timeout: timedelta | None = None) -> RunningTask:
    """Since noon and n minutes."""
    started_at = NOON + n * MINUTE
    return RunningTask(task_id=TaskId(uid(n)), job_name="backup", started_at=started_at, usual=usual, timeout=timeout)


@pytest.mark.parametrize(
    ("task", "after"),
    [
        (running(usual=5 * MINUTE), 10 * MINUTE),
        (running(usual=5 * MINUTE, timeout=MINUTE), 10 * MINUTE),
        (running(usual=SECOND), SHORTEST),
        (running(timeout=7 * MINUTE), 7 * MINUTE),
        (running(timeout=SECOND), SHORTEST),
    ],
)
def test_a_task_is_overlong_after_twice_its_usual_time_or_else_its_timeout(task: RunningTask, after: timedelta) -> None:
    limit = task.started_at + after
    assert stall_of([task], limit - EPSILON) is None
    stall = stall_of([task], limit)
    assert stall is not None
    assert (stall.since, stall.tasks) == (limit, [task])


def test_it_is_stalled_since_the_last_of_its_tasks_is_overlong() -> None:
    slow, quick = running(1, usual=60 * MINUTE), running(2, usual=SECOND)
    assert stall_of([quick, slow], NOON + 121 * MINUTE - EPSILON) is None
    stall = stall_of([quick, slow], NOON + 200 * MINUTE)
    assert stall is not None
    assert (stall.since, stall.tasks) == (NOON + 121 * MINUTE, [slow, quick])


def test_who_runs_nothing_or_what_nobody_can_judge_is_not_stalled() -> None:
    assert stall_of([], NOON) is None
    assert stall_of([running(1, usual=SECOND), running(2)], NOON + 10_000 * MINUTE) is None


@pytest.mark.parametrize(("runs", "usual"), [(1, 1), (10, 10), (19, 19), (20, 19), (40, 38)])
def test_what_is_usual_leaves_out_the_longest_twentieth(runs: int, usual: int) -> None:
    took = [n * SECOND for n in range(runs, 0, -1)]
    assert usual_duration(took) == usual * SECOND
    assert usual_duration([]) is None
