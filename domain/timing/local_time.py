"""From wall-clock times to instants: what happens to times that a clock change removes or repeats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.timing.time_zone import ClockChange, TimeZone

_TICK: Final = timedelta(microseconds=1)
_CYCLE_YEARS: Final = 400
"""What does not occur within one cycle of the calendar never does: 02:30 on just those days on which it is skipped."""


class Gap(StrEnum):
    """When a wall-clock time does not exist because clocks were put forward."""

    SHIFT = "SHIFT"
    """It counts at the end of the gap; several times in one gap are one."""
    SKIP = "SKIP"
    """It is left out."""
    AUTO = "AUTO"
    """SHIFT for a job at fixed times, SKIP for one that follows elapsed time."""


class Overlap(StrEnum):
    """When a wall-clock time exists twice because clocks were put back."""

    FIRST = "FIRST"
    LAST = "LAST"
    BOTH = "BOTH"
    AUTO = "AUTO"
    """FIRST for a job at fixed times, BOTH for one that follows elapsed time."""


@dataclass(frozen=True, slots=True)
class DstRule:
    """What becomes of times that a clock change removes or repeats."""

    gap: Gap = Gap.AUTO
    overlap: Overlap = Overlap.AUTO

    def settled(self, *, follows_elapsed_time: bool) -> DstRule:
        """The same rule without AUTO."""
        gap, overlap = (Gap.SKIP, Overlap.BOTH) if follows_elapsed_time else (Gap.SHIFT, Overlap.FIRST)
        return DstRule(
            gap if self.gap is Gap.AUTO else self.gap, overlap if self.overlap is Overlap.AUTO else self.overlap
        )


DEBIAN_CRON: Final = DstRule()
"""The default: what Debian's cron does, but for clock changes of any length, not only up to three hours."""


@dataclass(frozen=True, slots=True)
class WallClock:
    """The local times that a trigger names in a zone, and its rule, without AUTO, for those that a change concerns.

    `next_local` answers the first of them strictly after a naive local time, or None.
    """

    zone: TimeZone
    rule: DstRule
    next_local: Callable[[datetime], datetime | None]


def instants(local: datetime, zone: TimeZone, rule: DstRule) -> tuple[datetime, ...]:
    """The instants (UTC, ascending: none, one or two) at which the naive `local` counts; AUTO as for fixed times."""
    return instants_at(local, zone.change_at(local), zone, rule)


def instants_at(local: datetime, change: ClockChange | None, zone: TimeZone, rule: DstRule) -> tuple[datetime, ...]:
    """`instants` for a local time of which one knows the change that concerns it, if any."""
    if change is None:
        return (zone.instant(local),)
    if change.is_gap:
        return () if rule.gap is Gap.SKIP else (change.at,)
    aware = local.replace(tzinfo=UTC)
    first, last = aware - change.before, aware - change.after
    if rule.overlap is Overlap.BOTH:
        return (first, last)
    return (last,) if rule.overlap is Overlap.LAST else (first,)


def first_instant_after(
    after: datetime, zone: TimeZone, rule: DstRule, next_local: Callable[[datetime], datetime | None]
) -> datetime | None:
    """The first instant strictly after `after` (both UTC) among those of the local times that `next_local` walks.

    `next_local` answers the first wall-clock time strictly after a naive one, or None. None if there is no further
    instant within 400 years.
    """
    local = zone.local(after)
    last_year = local.year + _CYCLE_YEARS
    change = zone.change_at(local)
    if change is not None and after < change.at and rule.overlap is not Overlap.FIRST:
        # Clocks will be put back soon: the times from window_start on are here for the first time and will come again.
        if rule.overlap is Overlap.BOTH:
            found = next_local(local)
            if found is not None and found < change.window_end:
                return found.replace(tzinfo=UTC) - change.before
        local = change.window_start - _TICK
    while (found := next_local(local)) is not None and found.year <= last_year:
        change = zone.change_at(found)
        for instant in instants_at(found, change, zone, rule):
            if instant > after:
                return instant
        local = found if change is None else change.window_end - _TICK  # the rest of its window fares the same
    return None
