"""Times that a calendar takes out between two fires: the ledger has an entry for them, too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Final

from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger, TriggerState

MOST_COUNTED: Final = 500
"""Times that are counted one by one; evaluating more would hold up others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """`count` nominal times from `first` to `last` between which nothing fires.

    `noted`: the ledger has them; they are kept until they are over, so that nobody counts them anew.
    """

    first: datetime
    last: datetime
    count: int
    reason: str
    noted: bool = False


def excluded_between(
    trigger: Trigger, after: datetime, before: datetime | None, state: TriggerState, calendars: Calendars
) -> Excluded | None:
    """What the calendars of the trigger take out between two fires that follow each other; None if that is nothing."""
    times = list(islice(trigger.excluded(after, before, state, calendars), MOST_COUNTED))
    if not times:
        return None
    (first, reason), last = times[0], times[-1][0]
    if len(times) == MOST_COUNTED:
        reason += f"; counted up to {last.isoformat()}, more follow"
    elif any(other != reason for _, other in times):
        reason += ", and others"
    return Excluded(first=first, last=last, count=len(times), reason=reason)


def due_at(known: tuple[Excluded, ...], until: datetime | None) -> datetime | None:
    """When the ledger has to hear of the next of them before `until`, the first fire that is yet to be decided.

    What comes after that fire is noted once it is decided, which jitter may make later than its own time.
    """
    return next((each.first for each in known if not each.noted and (until is None or each.first < until)), None)


def after_noting(known: tuple[Excluded, ...], until: datetime | None, now: datetime) -> tuple[Excluded, ...]:
    """Those that are left when all before `until` that have begun are in the ledger; None = no fire follows them."""
    left = []
    for each in known:
        if not has_begun(each, until, now):
            left.append(each)
        elif until is not None and each.last > now:
            left.append(replace(each, noted=True))
    return tuple(left)


def has_begun(each: Excluded, until: datetime | None, now: datetime) -> bool:
    """Whether it lies before the first fire that is yet to be decided, and its first time has come."""
    return each.first <= now and (until is None or each.first < until)
