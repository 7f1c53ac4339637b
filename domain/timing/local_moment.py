"""One time on the clocks of a zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.shared.errors import FieldProblem
from domain.timing.errors import InvalidTrigger
from domain.timing.local_time import DEBIAN_CRON, DstRule, Overlap, instants
from domain.timing.time_zone import TimeZone


@dataclass(frozen=True, slots=True)
class LocalMoment:
    """One wall-clock time in a zone. Raises `InvalidTrigger`; pointers are `/localTime` and `/dst/overlap`."""

    local: datetime
    zone: TimeZone
    dst: DstRule = DEBIAN_CRON

    def __post_init__(self) -> None:
        if self.local.tzinfo is not None:
            detail = f"localTime ({self.local.isoformat()}) has an offset; give it as `at`, or leave the offset out."
            raise InvalidTrigger(FieldProblem("/localTime", "OFFSET", detail))
        if self.dst.overlap is Overlap.BOTH:
            detail = "dst.overlap BOTH would be two fires; choose FIRST or LAST."
            raise InvalidTrigger(FieldProblem("/dst/overlap", "CONTRADICTION", detail))

    def instant(self) -> datetime | None:
        """When it is (UTC), by the zone data in use; None in a gap that is skipped."""
        rule = self.dst.settled(follows_elapsed_time=False)
        return next(iter(instants(self.local, self.zone, rule)), None)
