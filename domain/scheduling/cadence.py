"""Whether the fires of two schedules ever meet as the match of an edge asks, and which of them do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.scheduling.dependency import Match, MatchType
from domain.timing.ports import Calendars
from domain.timing.trigger import TICK, Trigger, TriggerState
from domain.timing.triggers.any_of import AnyOfTrigger

MOST_LEAPS: Final = 500
"""From a fire of one to the next of the other: a day apart where hours have to agree, weeks where days do.

So daily times in two zones are compared over summer and winter, and the 29th of February over all days of the week.
"""

MOST_MEANT: Final = 1_000
"""Fires of an upstream that one match means and that are looked up."""

_LOOKED_BACK: Final = tuple(timedelta(days=days) for days in (1, 32, 367, 1_500))

_EXACT: Final = frozenset({"CRON", "ONE_TIME"})


def never_meets(dependent: Trigger, upstream: Trigger, match: Match, now: datetime, calendars: Calendars) -> bool:
    """Whether it is certain that no fire of the dependent ever finds one of the upstream that the match means.

    Only of SAME and ALL_IN, and of times that are known beforehand: others may come to agree.
    """
    if match.type not in (MatchType.SAME, MatchType.ALL_IN) or not is_exact(dependent):
        return False
    if match.type is MatchType.SAME and upstream.kind in ("MANUAL", "EVENT"):
        return True
    return is_exact(upstream) and meeting(dependent, upstream, match, now, calendars) is None


def is_exact(trigger: Trigger) -> bool:
    """Whether its times are what it says, whenever the job was activated and however long its runs take."""
    if isinstance(trigger, AnyOfTrigger):
        return all(map(is_exact, trigger.triggers))
    return trigger.kind in _EXACT


def meeting(
    dependent: Trigger, upstream: Trigger, match: Match, now: datetime, calendars: Calendars
) -> datetime | None:
    """The first time of the dependent for which SAME or ALL_IN mean a fire of the upstream; None if none is found."""
    window, state = _window(match), TriggerState(since=now)
    nominal = dependent.next_fire(now, state, calendars)
    for _ in range(MOST_LEAPS):
        if nominal is None:
            return None
        following = upstream.next_fire(nominal - window, state, calendars)
        if following is None:
            return None
        if following <= nominal:
            return nominal
        nominal = dependent.next_fire(following - TICK, state, calendars)
    return None


def _window(match: Match) -> timedelta:
    """Fires of the upstream are meant that come after the nominal time less this."""
    return match.span if match.type is MatchType.ALL_IN and match.span is not None else TICK


@dataclass(frozen=True, slots=True)
class Meant:
    """The fires of an upstream that a match means for a nominal time: the latest of them, and how many."""

    nominal: datetime
    latest: datetime | None
    count: int


def meant(
    upstream: Trigger, match: Match, nominals: Sequence[datetime], now: datetime, calendars: Calendars
) -> Sequence[Meant]:
    """By its schedule alone, as if each fired."""
    state = TriggerState(since=now)
    return [_meant(upstream, match, nominal, state, calendars) for nominal in nominals]


def _meant(upstream: Trigger, match: Match, nominal: datetime, state: TriggerState, calendars: Calendars) -> Meant:
    spans = [TICK] if match.type is MatchType.SAME else [match.span] if match.span is not None else _LOOKED_BACK
    end = nominal if match.type is MatchType.PREVIOUS else nominal + TICK
    first = TICK if match.type is MatchType.ALL_IN else timedelta(0)  # its window does not include its beginning
    for span in spans:
        start = end - TICK if match.type is MatchType.SAME else nominal - span + first
        table = upstream.between(start, end, state, calendars, MOST_MEANT)
        if len(table):
            several = match.type is MatchType.ALL_IN
            return Meant(nominal, table[len(table) - 1], len(table) if several else 1)
    return Meant(nominal, None, 0)
