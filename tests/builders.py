"""Values of the domain for tests: valid unless a test says otherwise, and the same at every run."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from domain.scheduling.executor import Executor, ExecutorStatus, HostInfo
from domain.scheduling.ids import ExecutorId, JobId, LaneId, TaskId
from domain.scheduling.job import Job, JobDefinition, JobStatus
from domain.scheduling.placement import Capability
from domain.scheduling.policies import FiringPolicy
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.schedule import Schedule
from domain.scheduling.settlement import Attempt
from domain.scheduling.task import Lease, TaskInstance
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from domain.timing.cron import CronExpression
from domain.timing.ports import Calendars
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import Trigger, TriggerState
from domain.timing.triggers.cron import CronTrigger
from infrastructure.cel import CelFilters
from infrastructure.cron import CroniterCalendar
from infrastructure.holidays import ComputedHolidays

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CALENDARS = Calendars(cron=CroniterCalendar(), holidays=ComputedHolidays(), filters=CelFilters())


def uid(number: int) -> UUID:
    """An id that a failing test shows as a number one can read."""
    return UUID(int=number)


JOB_ID = JobId(uid(1))
TASK_ID = TaskId(uid(2))
EXECUTOR_ID = ExecutorId("worker-1")
LANE = LaneId(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesTrigger(Trigger):
    """Fires at the given times, ascending; a type of trigger that the platform does not know."""

    kind: ClassVar[str] = "TIMES"

    times: tuple[datetime, ...]

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        place = bisect_right(self.times, after)
        return self.times[place] if place < len(self.times) else None


class BrokenTrigger(TimesTrigger):
    """Raises whenever it is asked."""

    __slots__ = ()

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        raise RuntimeError("the calendar of holidays is gone")


def cron(expression: str, zone: str = "UTC", **limits: Any) -> CronTrigger:
    return CronTrigger(expression=CronExpression.parse(expression), zone=TimeZone(zone), **limits)


def every(step: timedelta, count: int, first: datetime = NOON) -> tuple[datetime, ...]:
    """`count` times, the first at `first`."""
    return tuple(first + step * i for i in range(count))


def definition(name: str = "backup", **fields: Any) -> JobDefinition:
    """A COMMAND job without a trigger."""
    return JobDefinition(**{"name": name, "type": "COMMAND", "parameters": {"command": ["true"]}, **fields})


def job(status: JobStatus = JobStatus.CREATED, now: datetime = NOON, **fields: Any) -> Job:
    """A job that came to `status` by its own methods, with nothing recorded."""
    made = Job.create(JOB_ID, DEFAULT_TENANT, definition(**fields), "ann", now)
    if status in (JobStatus.ACTIVE, JobStatus.PAUSED):
        made.activate("ann", now)
    if status is JobStatus.PAUSED:
        made.pause("holidays", "ann", now)
    if status is JobStatus.DISABLED:
        made.disable("broken", "ann", now)
    if status is JobStatus.DELETED:
        made.delete("ann", now)
    made.release_events()
    return made


def schedule(upcoming: Sequence[datetime] = (), policy: FiringPolicy | None = None, **fields: Any) -> Schedule:
    """An active schedule that knows `upcoming` and has never fired."""
    given = {"job_id": JOB_ID, "job_version": 1, "lane": LANE, "state": TriggerState(), **fields}
    return Schedule(upcoming=tuple(upcoming), policy=policy or FiringPolicy(), **given)


def attempt(number: int = 1, lost: int = 0, policy: RetryPolicy | None = None, **fields: Any) -> Attempt:
    """A RUNNING attempt under token 7."""
    given = {"task_id": TASK_ID, "token": 7, "status": TaskStatus.RUNNING, **fields}
    return Attempt(number=number, lost=lost, policy=policy or RetryPolicy(), **given)


def task(status: TaskStatus = TaskStatus.PENDING, lease: Lease | None = None, **fields: Any) -> TaskInstance:
    given = {
        "id": TASK_ID,
        "tenant": DEFAULT_TENANT,
        "job_id": JOB_ID,
        "job_name": "backup",
        "attempt": 1,
        "lane": LANE,
        **fields,
    }
    return TaskInstance(status=status, lease=lease, **given)


def capability(**fields: Any) -> Capability:
    """Offers COMMAND in the default pool."""
    return Capability(**{"types": frozenset({"COMMAND"}), **fields})


def executor(status: ExecutorStatus = ExecutorStatus.ONLINE, now: datetime = NOON, **fields: Any) -> Executor:
    """An executor in its first session, with nothing recorded."""
    info = HostInfo(host="host-1", version="0.1.0")
    offer = capability(**fields)
    made = Executor.register(EXECUTOR_ID, DEFAULT_TENANT, uid(100), info, offer, now)
    if status is ExecutorStatus.DRAINING:
        made.drain("maintenance", now)
    if status is ExecutorStatus.OFFLINE:
        made.leave(now)
    made.release_events()
    return made
