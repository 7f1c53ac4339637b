"""A backfill: fires that the ledger of a job lacks, made up for one after the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from domain.scheduling.backfill_errors import IllegalBackfillState
from domain.scheduling.backfill_events import (
    BackfillCancelled,
    BackfillCompleted,
    BackfillEvent,
    BackfillPaused,
    BackfillResumed,
    BackfillStarted,
)
from domain.scheduling.backfill_plan import STRETCH, BackfillOrder, BackfillOverlap, BackfillPlan, Stretch
from domain.scheduling.ids import BackfillId, JobId
from domain.scheduling.occurrence import Decision, backfill_fire_key, schedule_fire_key
from domain.scheduling.policies import OverlapPolicy
from domain.scheduling.schedule import Schedule
from domain.shared.aggregate import Aggregate
from domain.shared.ids import TenantId

LOOK_AGAIN = timedelta(seconds=1)
"""How soon a backfill that has to wait looks again: not every end of a task is told."""

STUCK = timedelta(minutes=1)
"""A schedule that is overdue for longer is not about to fire, so there is nothing to give way to."""

_MINUTE = timedelta(minutes=1)
_BURST = timedelta(seconds=5)


class BackfillStatus(StrEnum):
    """RUNNING ⇄ PAUSED; COMPLETED once the last task is created; CANCELLED by somebody, or with its job."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


ALLOWED_ACTIONS: Mapping[BackfillStatus, tuple[str, ...]] = MappingProxyType(
    {
        BackfillStatus.RUNNING: ("pause", "cancel"),
        BackfillStatus.PAUSED: ("resume", "cancel"),
        BackfillStatus.COMPLETED: (),
        BackfillStatus.CANCELLED: (),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """Why nothing may be created before `until`."""

    reason: str
    until: datetime


@dataclass(eq=False, slots=True, kw_only=True)
class Backfill(Aggregate):
    """`waiting` holds the next times in its order; `frontier` is how far it has looked, `walked` that nothing follows.

    `fired` counts the tasks created, `passed` the times that had fired already. While it is RUNNING it is looked at at
    `due_at`, and `status_reason` says what it waits for.
    """

    id: BackfillId
    tenant: TenantId
    job_id: JobId
    job_name: str
    plan: BackfillPlan
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    status: BackfillStatus = BackfillStatus.RUNNING
    status_reason: str | None = None
    frontier: datetime | None = None
    waiting: tuple[datetime, ...] = ()
    walked: bool = False
    fired: int = 0
    passed: int = 0
    due_at: datetime | None = None
    ended_at: datetime | None = None

    @classmethod
    def start(
        cls, id_: BackfillId, tenant: TenantId, job: tuple[JobId, str], plan: BackfillPlan, by: str, now: datetime
    ) -> Self:
        """A new one of the job with this id and name, due at once."""
        job_id, job_name = job
        made = cls(
            id=id_, tenant=tenant, job_id=job_id, job_name=job_name, plan=plan, created_at=now, created_by=by,
            updated_at=now, updated_by=by, due_at=now,
        )  # fmt: skip
        made._say(BackfillStarted, now)
        return made

    @property
    def allowed_actions(self) -> tuple[str, ...]:
        """What may be done to it now."""
        return ALLOWED_ACTIONS[self.status]

    @property
    def needs_times(self) -> bool:
        """Whether the trigger has to be asked before it can go on."""
        return not self.waiting and not self.walked

    @property
    def progress(self) -> float:
        """The share of its span that has been decided."""
        plan = self.plan
        if self.walked and not self.waiting:
            return 1.0
        reached = self.waiting[0] if self.waiting else self.frontier
        if reached is None:
            return 0.0
        done = reached - plan.begin if plan.order is BackfillOrder.OLDEST_FIRST else plan.end - reached
        return min(max(done / (plan.end - plan.begin), 0.0), 1.0)

    def looked_ahead(self, stretch: Stretch) -> None:
        """These times come next."""
        self.waiting, self.frontier, self.walked = stretch.times, stretch.frontier, stretch.is_last

    def key_of(self, nominal: datetime) -> str:
        """The fire key: that of the schedule, so that nothing fires twice, unless it is forced to."""
        return backfill_fire_key(self.id, nominal) if self.plan.force else schedule_fire_key(nominal)

    def pass_over(self, known: Collection[str]) -> None:
        """Leave out the times whose keys are in the ledger as FIRED."""
        left = tuple(n for n in self.waiting if self.key_of(n) not in known)
        self.passed += len(self.waiting) - len(left)
        self.waiting = left

    def hindrance(self, schedule: Schedule, live: int, usual_run: timedelta, now: datetime) -> Hindrance | None:
        """What stands in the way of the next task; `live` are tasks of this backfill, `usual_run` how long they take.

        Fires of the schedule come first: where they would be skipped for a live task, nothing is started that may still
        run when the next of them is due, and once one was skipped nothing is started until the next has run.
        """
        if schedule.active and self.waiting and self.waiting[0] in schedule.upcoming:
            return Hindrance(reason="the schedule has yet to decide this time itself", until=now + LOOK_AGAIN)
        if self.plan.overlap is BackfillOverlap.WAIT and schedule.live:
            return Hindrance(reason=f"{schedule.live} task(s) of the job still unfinished", until=now + LOOK_AGAIN)
        if live >= self.plan.max_live:
            return Hindrance(reason=f"{live} of its tasks are unfinished, as many as may be", until=now + LOOK_AGAIN)
        due_at = schedule.due_at
        if due_at is None or due_at < now - STUCK or schedule.policy.overlap is OverlapPolicy.ALLOW:
            return None
        was_skipped = schedule.tail is not None and schedule.tail.decision is Decision.SKIPPED_OVERLAP
        if was_skipped or due_at - now <= usual_run:
            return Hindrance(
                reason=f"it gives way to the fire of {due_at.isoformat()}", until=max(due_at, now) + LOOK_AGAIN
            )
        return None

    def wait(self, hindrance: Hindrance) -> None:
        """Look again later."""
        self.status_reason, self.due_at = hindrance.reason, hindrance.until

    def take(self, live: int, now: datetime) -> tuple[datetime, ...]:
        """The times that fire now, as many as the throttle allows; after the last one it is COMPLETED."""
        most = 1 if self.plan.overlap is BackfillOverlap.WAIT else min(self.plan.max_live - live, STRETCH)
        pause = timedelta(0)
        if self.plan.per_minute is not None:
            most = min(most, max(1, int(self.plan.per_minute * (_BURST / _MINUTE))))
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        if self.plan.per_minute is not None:
            pause = len(taken) * _MINUTE / self.plan.per_minute
        self.fired += len(taken)
        self.status_reason, self.due_at = None, now + pause
        if self.walked and not self.waiting:
            self._end(BackfillStatus.COMPLETED, BackfillCompleted, None, now)
        return taken

    def pause(self, reason: str | None, by: str, now: datetime) -> bool:
        """Create nothing more until it is resumed; False when it is PAUSED already. Raises `IllegalBackfillState`."""
        if self.status is BackfillStatus.PAUSED:
            return False
        self._require("pause")
        self.status, self.status_reason, self.due_at = BackfillStatus.PAUSED, reason, None
        self._touch(by, now)
        self._say(BackfillPaused, now, reason)
        return True

    def resume(self, by: str, now: datetime) -> bool:
        """Go on where it stood; False when it is RUNNING. Raises `IllegalBackfillState`."""
        if self.status is BackfillStatus.RUNNING:
            return False
        self._require("resume")
        self.status, self.status_reason, self.due_at = BackfillStatus.RUNNING, None, now
        self._touch(by, now)
        self._say(BackfillResumed, now)
        return True

    def cancel(self, reason: str | None, by: str, now: datetime) -> bool:
        """End it; its tasks go on. False when it is CANCELLED already. Raises `IllegalBackfillState`."""
        if self.status is BackfillStatus.CANCELLED:
            return False
        self._require("cancel")
        self._touch(by, now)
        self._end(BackfillStatus.CANCELLED, BackfillCancelled, reason, now)
        return True

    def _end(self, status: BackfillStatus, event: type[BackfillEvent], reason: str | None, now: datetime) -> None:
        self.status, self.status_reason, self.due_at, self.ended_at = status, reason, None, now
        self.waiting = ()
        self._say(event, now, reason)

    def _touch(self, by: str, now: datetime) -> None:
        self.updated_at, self.updated_by = now, by

    def _require(self, action: str) -> None:
        if action not in self.allowed_actions:
            raise IllegalBackfillState(self.id, self.status, action, self.allowed_actions)

    def _say(self, event: type[BackfillEvent], now: datetime, reason: str | None = None) -> None:
        self._record(
            event(
                occurred_at=now,
                backfill_id=self.id,
                job_id=self.job_id,
                job_name=self.job_name,
                fired=self.fired,
                passed=self.passed,
                reason=reason,
            )
        )
