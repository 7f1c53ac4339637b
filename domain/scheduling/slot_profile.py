"""How many slots fires to come will need at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from domain.scheduling.projection import Projection
from domain.timing.trigger import TICK

SHORTEST_RUN: Final = timedelta(seconds=1)
"""A run of a job without history, or of next to no time, occupies a slot at least for so long."""

MOST_BUCKETS: Final = 100
LENGTHS: Final = tuple(timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080))


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotProfile:
    """`needed[n]` is the most at one time in the nth part of `length` of the span that begins at `start`."""

    start: datetime
    length: timedelta
    needed: Sequence[int]

    @property
    def peak(self) -> int:
        """The most at any time."""
        return max(self.needed, default=0)

    @property
    def peak_at(self) -> datetime | None:
        """The beginning of the first part in which so many are needed."""
        return self.start + self.needed.index(self.peak) * self.length if self.peak else None


def bucket_length(span: tuple[datetime, datetime]) -> timedelta:
    """The shortest round length of which at most `MOST_BUCKETS` make up the span."""
    return next((each for each in LENGTHS if each * MOST_BUCKETS >= span[1] - span[0]), LENGTHS[-1])


def slot_profile(
    projections: Sequence[tuple[Projection, timedelta | None]], span: tuple[datetime, datetime]
) -> SlotProfile:
    """Of fires with the time that a run takes, as far as that is known.

    Of jobs whose runs never overlap one slot at a time is needed. Fires that are not told one by one are taken to need
    at all times from the first to the last what they need at once.
    """
    changes = dict[datetime, int]()
    for projection, run_time in projections:
        for start, end, slots in _occupied(projection, max(run_time or SHORTEST_RUN, SHORTEST_RUN)):
            changes[start] = changes.get(start, 0) + slots
            changes[end] = changes.get(end, 0) - slots
    length = bucket_length(span)
    needed = [0] * -((span[0] - span[1]) // length)
    level = 0
    for at, following in pairwise(sorted(changes)):
        level += changes[at]
        last = min((following - TICK - span[0]) // length, len(needed) - 1)
        for passed in range((at - span[0]) // length, last + 1):
            needed[passed] = max(needed[passed], level)
    return SlotProfile(start=span[0], length=length, needed=needed)


def _occupied(projection: Projection, run_time: timedelta) -> Iterator[tuple[datetime, datetime, int]]:
    if projection.is_collapsed:
        first, last, interval = projection.fires[0].planned, projection.fires[-1].planned, projection.interval
        overlapping = -(-run_time // interval) if interval else projection.count
        yield first, last + run_time, 1 if projection.is_alone else overlapping
        return
    free_at: datetime | None = None
    for fire in projection.fires:
        if fire.skip is None and (free_at is None or fire.planned >= free_at):
            yield fire.planned, fire.planned + run_time, 1
            free_at = fire.planned + run_time if projection.is_alone else None
