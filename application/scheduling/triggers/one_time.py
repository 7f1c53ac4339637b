"""ONE_TIME as JSON."""

from __future__ import annotations

from datetime import datetime

from application.scheduling.documents import instant_or_none
from application.scheduling.triggers.bounded import BoundedDocument, DstDocument, limits_of
from domain.shared.errors import FieldProblem
from domain.timing.errors import InvalidTrigger
from domain.timing.local_moment import LocalMoment
from domain.timing.time_zone import TimeZone
from domain.timing.triggers.one_time import OneTimeTrigger

AS_EVER = DstDocument()


class OneTimeDocument(BoundedDocument, frozen=True, kw_only=True, tag_field="type", tag="ONE_TIME"):
    """`at` is an instant with its offset. Or `localTime` without one is the time on the clocks of `timeZone`."""

    at: datetime | None = None
    local_time: datetime | None = None
    time_zone: str | None = None
    dst: DstDocument = AS_EVER

    def trigger(self) -> OneTimeTrigger:
        return OneTimeTrigger(at=self._at(), **self.limits(self.time_zone or "UTC"))

    def _at(self) -> datetime | LocalMoment:
        at = instant_or_none(self.at, "/at")
        if at is not None and self.local_time is None:
            for pointer, given in (("/timeZone", self.time_zone is not None), ("/dst", self.dst != AS_EVER)):
                if given:
                    detail = f"{pointer[1:]} goes with localTime; at is an instant already."
                    raise InvalidTrigger(FieldProblem(pointer, "CONTRADICTION", detail))
            return at
        if at is not None or self.local_time is None:
            detail = "Give either at (an instant with its offset) or localTime with timeZone."
            raise InvalidTrigger(FieldProblem("/at", "CONTRADICTION" if at else "MISSING", detail))
        if self.time_zone is None:
            detail = f"Whose clocks show {self.local_time.isoformat()}? Give timeZone, an IANA name like Europe/Berlin."
            raise InvalidTrigger(FieldProblem("/timeZone", "MISSING", detail))
        return LocalMoment(self.local_time, TimeZone(self.time_zone), self.dst.rule())

    @classmethod
    def of(cls, trigger: OneTimeTrigger) -> OneTimeDocument:
        """The trigger as JSON."""
        limits = limits_of(trigger)
        if not isinstance(trigger.at, LocalMoment):
            return cls(at=trigger.at, **limits)
        moment = trigger.at
        return cls(local_time=moment.local, time_zone=moment.zone.name, dst=DstDocument.of(moment.dst), **limits)
