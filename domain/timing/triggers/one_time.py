"""Fires once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from domain.shared.errors import FieldProblem
from domain.timing.errors import InvalidTrigger
from domain.timing.local_moment import LocalMoment
from domain.timing.local_time import WallClock
from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger, TriggerState
from domain.timing.triggers.bounds import EARLIEST, LATEST, instant_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeTrigger(Trigger):
    """Fires at one instant, given as such or as the time on the clocks of a zone.

    The latter is an instant by the zone data in use: when a country changes its clocks, the fire moves with them.
    """

    kind: ClassVar[str] = "ONE_TIME"
    recurs: ClassVar[bool] = False

    at: datetime | LocalMoment
    _instant: datetime | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        Trigger.__post_init__(self)
        if isinstance(self.at, LocalMoment):
            object.__setattr__(self, "_instant", self.at.instant())
        else:
            object.__setattr__(self, "at", self.at.astimezone(UTC))
            object.__setattr__(self, "_instant", self.at)

    def wall_clocks(self, calendars: Calendars) -> Sequence[WallClock]:
        if not isinstance(self.at, LocalMoment):
            return ()
        local, rule = self.at.local, self.at.dst.settled(follows_elapsed_time=False)
        return (WallClock(self.at.zone, rule, lambda after: local if local > after else None),)

    def check_new(self, now: datetime, calendars: Calendars) -> None:
        if isinstance(self.at, LocalMoment):
            pointer, text = "/localTime", f"{self.at.local.isoformat()} in {self.at.zone}"
        else:
            pointer, text = "/at", f"{self.at.isoformat()}"
        if self._instant is None:
            detail = f"{text} does not exist: clocks are put forward over it, and dst.gap is SKIP."
            raise InvalidTrigger(FieldProblem(pointer, "NEVER_FIRES", detail))
        if self._instant <= now:
            detail = f"{text} has passed: it is {now.isoformat()}. To run the job now, trigger it."
            raise InvalidTrigger(FieldProblem(pointer, "IN_THE_PAST", detail))
        Trigger.check_new(self, now, calendars)

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        return self._instant if self._instant is not None and self._instant > after else None

    def _problems(self) -> Sequence[FieldProblem]:
        if not isinstance(self.at, LocalMoment):
            return instant_problems("at", self.at)
        if not EARLIEST.year <= self.at.local.year < LATEST.year:
            detail = f"localTime ({self.at.local.isoformat()}) is not between {EARLIEST.year} and {LATEST.year}."
            return [FieldProblem("/localTime", "OUT_OF_RANGE", detail)]
        return ()
