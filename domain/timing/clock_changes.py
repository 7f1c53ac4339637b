"""What a trigger does when the clocks of its zone are changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Final

from domain.timing.local_time import Gap, Overlap, WallClock, instants_at
from domain.timing.ports import Calendars
from domain.timing.time_zone import ClockChange
from domain.timing.trigger import TICK, Trigger, TriggerState

MOST_TIMES: Final = 10
"""Local times that one note names: a job that fires every second has 3,600 of them in an hour."""


class Effect(StrEnum):
    """What becomes of the local times that a change removes or repeats."""

    UNAFFECTED = "UNAFFECTED"
    """The trigger has none."""
    SKIPPED = "SKIPPED"
    SHIFTED = "SHIFTED"
    """To the end of the gap, all of them as one fire."""
    ONCE = "ONCE"
    TWICE = "TWICE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChangeNote:
    """One change of the clocks of `zone`, and what the trigger does there.

    `local_times` are the first of its times that do not exist or exist twice, `fires` the instants (UTC) that become of
    them.
    """

    zone: str
    change: ClockChange
    effect: Effect
    local_times: tuple[datetime, ...]
    has_more: bool
    fires: tuple[datetime, ...]

    @property
    def sentence(self) -> str:
        """For people."""
        put = "forward" if self.change.is_gap else "back"
        start, end = self.change.window_start, self.change.window_end
        first, last = (start, end) if self.change.is_gap else (end, start)
        what = f"On {first:%Y-%m-%d} clocks in {self.zone} are put {put} from {_clock(first)} to {_clock(last)}"
        return f"{what}: {self._outcome}."

    @property
    def _outcome(self) -> str:
        times = ", ".join(map(_clock, self.local_times)) + (" and more" if self.has_more else "")
        one = len(self.local_times) == 1
        missing = f"{times} {'does' if one else 'do'} not exist and"
        repeated = f"{times} {'comes' if one else 'come'} twice and {'fires' if one else 'fire'}"
        match self.effect:
            case Effect.UNAFFECTED:
                return "no fire is concerned"
            case Effect.SKIPPED:
                return f"{missing} {'is' if one else 'are'} left out"
            case Effect.SHIFTED:
                return f"{missing} {'fires' if one else 'fire once'} at {_clock(self.change.window_end)} instead"
            case Effect.TWICE:
                return f"{repeated} twice"
            case Effect.ONCE:
                return f"{repeated} once, the {'first' if self.fires[0] < self.change.at else 'second'} time"


def clock_change_notes(
    trigger: Trigger, after: datetime, state: TriggerState, calendars: Calendars, count: int = 2
) -> Sequence[ClockChangeNote]:
    """The next `count` changes of each zone that the trigger goes by, soonest first; none for one without a zone."""
    notes = list[ClockChangeNote]()
    for clock in trigger.wall_clocks(calendars):
        for change in islice(_changes(clock, after), count):
            note = _note(trigger, clock, change, state, calendars)
            if note not in notes:
                notes.append(note)
    return sorted(notes, key=lambda note: (note.change.at, note.zone))


def _changes(clock: WallClock, after: datetime) -> Iterator[ClockChange]:
    while (change := clock.zone.next_change(after)) is not None:
        yield change
        after = change.at


def _note(
    trigger: Trigger, clock: WallClock, change: ClockChange, state: TriggerState, calendars: Calendars
) -> ClockChangeNote:
    def fires_at(instant: datetime) -> bool:  # it may have ended by then, or a calendar may exclude it
        return trigger.next_fire(instant - TICK, state, calendars) == instant

    skipped = change.is_gap and clock.rule.gap is Gap.SKIP
    named, fires = list[datetime](), dict[datetime, None]()
    for local in islice(_times(clock, change), MOST_TIMES + 1):
        kept = [instant for instant in instants_at(local, change, clock.zone, clock.rule) if fires_at(instant)]
        if kept or skipped:
            named.append(local)
        if len(named) <= MOST_TIMES:
            fires |= dict.fromkeys(kept)
    return ClockChangeNote(
        zone=clock.zone.name,
        change=change,
        effect=_effect(clock, change, twice=len(fires) > len(named)) if named else Effect.UNAFFECTED,
        local_times=tuple(named[:MOST_TIMES]),
        has_more=len(named) > MOST_TIMES,
        fires=tuple(sorted(fires)),
    )


def _times(clock: WallClock, change: ClockChange) -> Iterator[datetime]:
    """The local times of the clock that the change removes or repeats."""
    local = change.window_start - TICK
    while (found := clock.next_local(local)) is not None and found < change.window_end:
        yield found
        local = found


def _effect(clock: WallClock, change: ClockChange, *, twice: bool) -> Effect:
    if change.is_gap:
        return Effect.SKIPPED if clock.rule.gap is Gap.SKIP else Effect.SHIFTED
    return Effect.TWICE if clock.rule.overlap is Overlap.BOTH and twice else Effect.ONCE


def _clock(local: datetime) -> str:
    return local.isoformat(" ", "seconds")[11:].removesuffix(":00")
