"""What verdicts come to: new tasks, releases and ends, collected so that they are written as sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from application.scheduling.cases import Case
from domain.scheduling.dependency import LONGEST_WAIT, OnUnsatisfied
from domain.scheduling.firing import Cause, Firing, PlannedFire
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.job_type import JobTypes
from domain.scheduling.judging import Outcome
from domain.scheduling.occurrence import Decision, run_fire_key
from domain.scheduling.policies import OverlapPolicy
from domain.scheduling.ports.judgement_queue import Conclusion, Waiting
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import Origin, TaskError
from domain.scheduling.task_status import TaskStatus
from domain.shared.json_value import JsonText

DEPENDENCIES_UNSATISFIED: Final = "DEPENDENCIES_UNSATISFIED"

UPSTREAM_VALUE_MISSING: Final = "UPSTREAM_VALUE_MISSING"
"""An upstream has ended well enough, and without what the task's parameters take from it."""

_Fire = tuple[JobId, str]


class JudgeSheet:
    """For the cases of one batch. Ends of tasks that are yet to be created are found by their fires."""

    def __init__(self, now: datetime, types: JobTypes) -> None:
        self._now = now
        self._types = types
        self.released: dict[TaskId, JsonText | None] = {}
        self._ended: list[Conclusion] = []
        self._ended_at_once: dict[_Fire, Conclusion] = {}
        self._schedules: dict[JobId, Schedule] = {}
        self._fires: dict[JobId, list[PlannedFire]] = {}
        self._live: dict[JobId, int] = {}

    @property
    def firings(self) -> list[Firing]:
        """The new tasks, as fires of their jobs."""
        return [
            Firing(decisions=tuple(fires), after=_counted(self._schedules[job_id], len(fires)))
            for job_id, fires in self._fires.items()
        ]

    def conclusions(self, created: Mapping[_Fire, TaskId]) -> Sequence[Conclusion]:
        """All ends, of the new tasks under the ids that they were given."""
        at_once = (replace(end, task_id=created[fire]) for fire, end in self._ended_at_once.items())
        return [*self._ended, *at_once]

    def enter(self, case: Case) -> None:
        """Each case once, with the schedule of its job as it stands."""
        if case.waiting is None:
            self._enter_new(case)
        elif not case.dependent.follows:
            self._enter_scheduled(case, case.waiting)
        elif (why := _stopped(case)) is not None:
            self._end(case.waiting, TaskStatus.SKIPPED, why)
        elif case.verdict.outcome is Outcome.SATISFIED:
            self._let_go(case, case.waiting)
        elif case.verdict.outcome is Outcome.UNSATISFIABLE:
            self._end(case.waiting, TaskStatus.SKIPPED, case.verdict.reason, cause=case.verdict.cause)
        elif self._is_late(case.waiting):
            self._end(case.waiting, TaskStatus.SKIPPED, _too_late(case), cause=case.verdict.cause)

    def _enter_new(self, case: Case) -> None:
        outcome = case.verdict.outcome
        if (why := _stopped(case)) is not None:
            self._fire(case, waits=True)
            self._end_at_once(case, TaskStatus.SKIPPED, why)
        elif outcome is Outcome.SATISFIED:
            self._fire_now(case)
        elif outcome is Outcome.UNSATISFIABLE:
            self._fire(case, waits=True)
            self._end_at_once(case, TaskStatus.SKIPPED, case.verdict.reason, cause=case.verdict.cause)
        elif case.looks_out:
            self._fire(case, waits=True)  # nobody in the run will bring it up again

    def _enter_scheduled(self, case: Case, waiting: Waiting) -> None:
        outcome, reason = case.verdict.outcome, case.verdict.reason
        if outcome is Outcome.WAITING and not self._is_late(waiting):
            return
        if outcome is Outcome.SATISFIED or case.dependent.on_unsatisfied is OnUnsatisfied.RUN:
            self._release(case, waiting)
            return
        if outcome is Outcome.WAITING:
            reason = _too_late(case)
        if case.dependent.on_unsatisfied is OnUnsatisfied.FAIL:
            error = TaskError(DEPENDENCIES_UNSATISFIED, reason)
            self._end(waiting, TaskStatus.FAILED, reason, error, case.verdict.cause)
        else:
            self._end(waiting, TaskStatus.SKIPPED, reason, cause=case.verdict.cause)

    def _release(self, case: Case, waiting: Waiting) -> None:
        """A task that waited is in nobody's way until now, so overlap is decided here."""
        schedule = case.listener.schedule
        live = self._live.setdefault(schedule.job_id, schedule.live)
        if live and schedule.policy.overlap is OverlapPolicy.SKIP:
            self._end(waiting, TaskStatus.SKIPPED, f"{live} earlier task(s) still unfinished")
            return
        if self._let_go(case, waiting):
            self._live[schedule.job_id] = live + 1

    def _let_go(self, case: Case, waiting: Waiting) -> bool:
        """Whether it may run: what is to come from its upstreams is there."""
        filling = case.filling(self._types)
        if filling.refusal is not None:
            error = TaskError(UPSTREAM_VALUE_MISSING, filling.refusal)
            self._end(waiting, TaskStatus.FAILED, filling.refusal, error, filling.cause)
            return False
        self.released[waiting.task_id] = filling.parameters
        return True

    def _fire_now(self, case: Case) -> None:
        filling = case.filling(self._types)
        if filling.refusal is not None:
            self._fire(case, waits=True)
            error = TaskError(UPSTREAM_VALUE_MISSING, filling.refusal)
            self._end_at_once(case, TaskStatus.FAILED, filling.refusal, error, filling.cause)
            return
        self._fire(case, waits=False, parameters=filling.parameters)

    def _is_late(self, waiting: Waiting) -> bool:
        return waiting.wait_until is not None and waiting.wait_until <= self._now

    def _end(
        self,
        waiting: Waiting,
        status: TaskStatus,
        reason: str,
        error: TaskError | None = None,
        cause: TaskId | None = None,
    ) -> None:
        end = Conclusion(task_id=waiting.task_id, status=status, reason=reason, error=error, cause=cause)
        self._ended.append(end)

    def _end_at_once(
        self,
        case: Case,
        status: TaskStatus,
        reason: str,
        error: TaskError | None = None,
        cause: TaskId | None = None,
    ) -> None:
        nobody_yet = TaskId(case.run_id)
        self._ended_at_once[case.dependent.job_id, run_fire_key(case.run_id)] = Conclusion(
            task_id=nobody_yet, status=status, reason=reason, error=error, cause=cause
        )

    def _fire(self, case: Case, *, waits: bool, parameters: JsonText | None = None) -> None:
        timeout = case.dependent.wait_timeout or LONGEST_WAIT
        cause = Cause(
            fire_key=run_fire_key(case.run_id),
            origin=Origin.DEPENDENCY,
            parameters=parameters,
            run_id=case.run_id,
            waits=waits,
            wait_until=self._now + timeout if waits else None,
        )
        fire = PlannedFire(nominal=case.nominal, planned=self._now, decision=Decision.FIRED, cause=cause)
        self._schedules[case.dependent.job_id] = case.listener.schedule
        self._fires.setdefault(case.dependent.job_id, []).append(fire)


def _stopped(case: Case) -> str | None:
    """Why nothing comes of the case, whatever its upstreams did."""
    if case.cancelled is not None:
        return f"the run was cancelled: {case.cancelled}"
    if not case.listener.schedule.active:
        return "the job is not active"
    return None


def _too_late(case: Case) -> str:
    return f"it has waited as long as it may: {case.verdict.reason}"


def _counted(schedule: Schedule, fires: int) -> Schedule:
    state = replace(schedule.state, fired_count=schedule.state.fired_count + fires)
    return replace(schedule, state=state)
