"""Many times at once: as sums of a base and offsets, so that a year of seconds need not be told one by one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


def ticks(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - _EPOCH) // _TICK


@dataclass(frozen=True, slots=True)
class Stretch:
    """The times `base + offset`, in microseconds since 1970, for each of the ascending `offsets`."""

    base: int
    offsets: Sequence[int]

    def within(self, start: int, end: int) -> Stretch:
        """Those from `start` on and before `end`."""
        first, last = bisect_left(self.offsets, start - self.base), bisect_left(self.offsets, end - self.base)
        return Stretch(self.base, self.offsets[first:last])


@dataclass(frozen=True, slots=True)
class Timetable:
    """Ascending instants. `is_whole` is False where there are more than could be found out."""

    stretches: Sequence[Stretch]
    is_whole: bool = True
    _ends: Sequence[int] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        kept = [stretch for stretch in self.stretches if stretch.offsets]
        object.__setattr__(self, "stretches", kept)
        object.__setattr__(self, "_ends", list(accumulate(len(stretch.offsets) for stretch in kept)))

    @classmethod
    def of(cls, instants: Iterable[datetime], *, is_whole: bool = True) -> Timetable:
        """Of times that are given one by one."""
        return cls([Stretch(0, [ticks(instant) for instant in instants])], is_whole)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, place: int) -> datetime:
        """By its place, counted from 0."""
        at = bisect_left(self._ends, place + 1)
        stretch = self.stretches[at]
        return _EPOCH + _TICK * (stretch.base + stretch.offsets[place - (self._ends[at - 1] if at else 0)])

    def __iter__(self) -> Iterator[datetime]:
        return (_EPOCH + _TICK * (stretch.base + offset) for stretch in self.stretches for offset in stretch.offsets)

    def place(self, instant: datetime) -> int:
        """How many of the times are before the instant."""
        wanted = ticks(instant)
        at = bisect_left(self.stretches, True, key=lambda s: s.base + s.offsets[-1] >= wanted)
        before = self._ends[at - 1] if at else 0
        if at == len(self.stretches):
            return before
        return before + bisect_left(self.stretches[at].offsets, wanted - self.stretches[at].base)
