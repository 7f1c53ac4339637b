"""A time zone by name, and the moments at which its clocks are changed."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from domain.shared.errors import FieldProblem
from domain.timing.errors import UnknownTimeZone

_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
_DAYS_AHEAD: Final = 3 * 366
"""How far ahead a change of clocks is looked for: a zone that changes them does so every year."""
_NODE_DEPENDENT: Final = frozenset({"localtime", "posixrules", "Factory"})


@dataclass(frozen=True, slots=True)
class ClockChange:
    """One change of a zone's clocks: at the instant `at` (UTC) the offset goes from `before` to `after`.

    From `window_start` up to `window_end` (naive local) wall-clock times do not exist if the change `is_gap`, or else
    exist twice.
    """

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def is_gap(self) -> bool:
        """Clocks are put forward."""
        return self.before < self.after

    @property
    def window_start(self) -> datetime:
        """The first local time that is missing or repeated."""
        return self.at.replace(tzinfo=None) + min(self.before, self.after)

    @property
    def window_end(self) -> datetime:
        """The first local time after `window_start` that exists once again."""
        return self.at.replace(tzinfo=None) + max(self.before, self.after)


@dataclass(frozen=True, slots=True)
class TimeZone:
    """A zone of the IANA database, known under exactly this `name`. Raises `UnknownTimeZone`."""

    name: str
    _zone: ZoneInfo = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_zone", _load(self.name))

    def __str__(self) -> str:
        return self.name

    def local(self, instant: datetime) -> datetime:
        """What a clock on the wall shows at the (aware) instant: naive."""
        return instant.astimezone(self._zone).replace(tzinfo=None)

    def instant(self, local: datetime) -> datetime:
        """The instant (UTC) of a naive local time that exists once; `change_at` tells of the others."""
        return local.replace(tzinfo=self._zone).astimezone(UTC)

    def change_at(self, local: datetime) -> ClockChange | None:
        """The change that makes the naive `local` time not exist or exist twice; None for all other times."""
        first = local.replace(microsecond=0, tzinfo=self._zone, fold=0)
        before, after = _offset(first), _offset(first.replace(fold=1))
        if before == after:
            return None
        # The change lies after the earlier of the two readings of the local time, and at the later one at the latest.
        naive = first.replace(tzinfo=UTC)
        earlier, later = naive - max(before, after), naive - min(before, after)
        return ClockChange(self._changed(earlier, later, before), before, after)

    def next_change(self, after: datetime) -> ClockChange | None:
        """The first change after the (aware) instant; None if there is none within three years."""
        earlier = after.astimezone(UTC).replace(microsecond=0)  # clocks change at whole seconds
        before = self._offset_at(earlier)
        for _ in range(_DAYS_AHEAD):
            later = earlier + _DAY
            if self._offset_at(later) != before:
                at = self._changed(earlier, later, before)
                return ClockChange(at, before, self._offset_at(at))
            earlier = later
        return None

    def change_between(self, earlier: datetime, later: datetime) -> ClockChange | None:
        """The change after one instant and not after another, about a day later; both in UTC, at whole seconds."""
        before = self._offset_at(earlier)
        if self._offset_at(later) == before:
            return None
        at = self._changed(earlier, later, before)
        return ClockChange(at, before, self._offset_at(at))

    def _changed(self, earlier: datetime, later: datetime, before: timedelta) -> datetime:
        """The second in which the offset ceases to be `before`, after `earlier` and at the latest at `later`."""
        seconds = range((later - earlier) // _SECOND)
        passed = bisect_left(seconds, True, key=lambda n: self._offset_at(earlier + n * _SECOND) != before)
        return earlier + passed * _SECOND

    def _offset_at(self, instant: datetime) -> timedelta:
        return _offset(instant.astimezone(self._zone))


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta(0)  # None for naive times only, of which there are none here


def _load(name: str) -> ZoneInfo:
    # "posix/", "right/" (with leap seconds) and "localtime" exist in some systems' zone data only.
    if name not in _NODE_DEPENDENT and not name.startswith(("posix/", "right/")):
        try:
            return ZoneInfo(name)
        except (LookupError, ValueError, OSError, ImportError):
            pass
    known = {zone.lower(): zone for zone in available_timezones()}
    nearest = difflib.get_close_matches(name.strip().lower()[:64], known, n=1)
    detail = f'There is no time zone "{name[:64]}"'
    hint = (
        f'; did you mean "{known[nearest[0]]}"?'
        if nearest
        else ", allowed are IANA names such as Europe/Berlin or UTC."
    )
    raise UnknownTimeZone(FieldProblem("/timeZone", "UNKNOWN_TIME_ZONE", detail + hint))
