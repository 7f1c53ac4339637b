"""Triggers: values that say when a job fires, purely from what they are given."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar, Final
from uuid import UUID

from domain.shared.errors import FieldProblem
from domain.timing.cron import CronExpression
from domain.timing.errors import InvalidTrigger
from domain.timing.local_time import DEBIAN_CRON, DstRule, first_instant_after
from domain.timing.ports import Calendars
from domain.timing.time_zone import TimeZone

_TICK: Final = timedelta(microseconds=1)
_NONE: Final = timedelta(0)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerState:
    """What has happened so far: the last nominal time, the last run's end (both UTC) and the number of fires."""

    last_nominal: datetime | None = None
    last_end: datetime | None = None
    fired_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger(ABC):
    """When to fire. Nominal times lie from `start_at` to `end_at`, both included, at most `max_executions` of them.

    `jitter` spreads the planned times (see `planned_at`); nominal times know nothing of it. Instants are kept in UTC.
    Raises `InvalidTrigger` with all problems.
    """

    kind: ClassVar[str]
    """The type's public name, for example `CRON`."""
    by_clock: ClassVar[bool] = True
    """False for triggers that never fire by themselves: having no next fire does not mean that they are exhausted."""

    start_at: datetime | None = None
    end_at: datetime | None = None
    max_executions: int | None = None
    jitter: timedelta = _NONE

    def __post_init__(self) -> None:
        problems = list[FieldProblem]()
        for name, pointer, instant in (("start_at", "/startAt", self.start_at), ("end_at", "/endAt", self.end_at)):
            if instant is not None and instant.tzinfo is None:
                detail = f"{pointer[1:]} ({instant.isoformat()}) needs an offset, for example {instant.isoformat()}Z."
                problems.append(FieldProblem(pointer, "NO_OFFSET", detail))
            elif instant is not None:
                object.__setattr__(self, name, instant.astimezone(UTC))
        if not problems and self.start_at is not None and self.end_at is not None and self.end_at <= self.start_at:
            detail = f"endAt ({self.end_at.isoformat()}) must be after startAt ({self.start_at.isoformat()})."
            problems.append(FieldProblem("/endAt", "OUT_OF_ORDER", detail))
        if self.max_executions is not None and self.max_executions < 1:
            detail = f"maxExecutions is {self.max_executions}; allowed are numbers from 1, or none at all."
            problems.append(FieldProblem("/maxExecutions", "OUT_OF_RANGE", detail))
        if self.jitter < _NONE:
            problems.append(FieldProblem("/jitter", "OUT_OF_RANGE", "jitter must not be negative."))
        if problems:
            raise InvalidTrigger(*problems)

    def next_fire(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        """The first nominal time strictly after `after` (aware), in UTC, microsecond exact; None if there is none."""
        if after.tzinfo is None:
            raise ValueError(f"an instant needs a time zone: {after.isoformat()}")
        after = after.astimezone(UTC)  # Python compares and converts times of one zone by the clock on its wall
        if self.max_executions is not None and state.fired_count >= self.max_executions:
            return None
        if self.start_at is not None and after < self.start_at:
            after = self.start_at - _TICK
        if self.end_at is not None and after >= self.end_at:
            return None
        nominal = self._next_nominal(after, state, calendars)
        return nominal if nominal is None or self.end_at is None or nominal <= self.end_at else None

    def upcoming(self, after: datetime, state: TriggerState, calendars: Calendars, count: int) -> list[datetime]:
        """Up to `count` nominal times after `after` in order, as they come if each of them fires."""
        found = list[datetime]()
        while len(found) < count and (nominal := self.next_fire(after, state, calendars)) is not None:
            found.append(nominal)
            after = nominal
            state = replace(state, last_nominal=nominal, fired_count=state.fired_count + 1)
        return found

    @abstractmethod
    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        """The rule of the type, without the limits that all triggers share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CronTrigger(Trigger):
    """Fires at the wall-clock times of an expression in a zone."""

    kind: ClassVar[str] = "CRON"

    expression: CronExpression
    zone: TimeZone
    dst: DstRule = DEBIAN_CRON
    _rule: DstRule = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        Trigger.__post_init__(self)  # a slotted dataclass is a copy of its class, for which super() does not work
        rule = self.dst.settled(follows_elapsed_time=self.expression.has_wildcard_time)
        object.__setattr__(self, "_rule", rule)

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        next_local = partial(calendars.cron.next_local, self.expression)
        return first_instant_after(after, self.zone, self._rule, next_local)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualTrigger(Trigger):
    """Never fires by itself."""

    kind: ClassVar[str] = "MANUAL"
    by_clock: ClassVar[bool] = False

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        return None


def planned_at(job_id: UUID, nominal: datetime, jitter: timedelta, next_nominal: datetime | None) -> datetime:
    """When the fire is to start: between `nominal` and `nominal + jitter`, never after `next_nominal`.

    The place is a hash of job and nominal time: evenly spread over jobs, and the same on every node and at every try.
    """
    room = jitter if next_nominal is None else min(jitter, next_nominal - nominal)
    if room <= _NONE:
        return nominal
    identity = job_id.bytes + ((nominal - _EPOCH) // _TICK).to_bytes(8, "big", signed=True)
    place = int.from_bytes(hashlib.blake2b(identity, digest_size=8).digest(), "big")  # of 2**64
    return nominal + _TICK * (place * (room // _TICK + 1) >> 64)
