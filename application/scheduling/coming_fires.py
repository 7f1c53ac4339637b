"""The fires to come of a job, if nothing changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from domain.scheduling.job import ComingChange
from domain.scheduling.schedule import Schedule
from domain.scheduling.skip import Skip
from domain.timing.ports import Calendars
from domain.timing.spread import planned_at, window_end
from domain.timing.trigger import TICK, Trigger, TriggerState

NOTHING_SKIPPED: Final = MappingProxyType[datetime, Skip]({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """A fire to come: what the trigger says, and that moved by the job's jitter or within its window."""

    nominal_at: datetime
    planned_at: datetime
    window_ends_at: datetime | None = None
    """It is in time until then; None = the job has no window."""
    skip: Skip | None = None
    """Somebody does not want it to run."""


def fires_after(
    job_id: UUID,
    trigger: Trigger,
    after: datetime,
    state: TriggerState,
    calendars: Calendars,
    skipped: Mapping[datetime, Skip] = NOTHING_SKIPPED,
    until: datetime | None = None,
) -> Iterator[Fire]:
    """The fires whose nominal times come after `after`, to the one that reaches the limit on executions.

    With `until`, when the job becomes another, only those before.
    """
    left = None if trigger.max_executions is None else trigger.max_executions - state.fired_count
    nominal = trigger.next_fire(after, state, calendars)
    while nominal is not None and left != 0 and (until is None or nominal < until):
        state = replace(state, last_nominal=nominal)
        # What follows bounds jitter and window, even of the fire that will reach the limit on executions.
        following = trigger.next_fire(nominal, state, calendars)
        known = [each for each in (None if trigger.awaits_end else following, until) if each is not None]
        bound = min(known, default=None)
        skip = skipped.get(nominal)
        yield fire_at(job_id, trigger, nominal, bound, skip)
        if left is not None and skip is None:
            left -= 1
        nominal = following


def fires_of(
    trigger: Trigger,
    coming: ComingChange | None,
    schedule: Schedule,
    after: datetime,
    state: TriggerState,
    calendars: Calendars,
) -> Iterator[Fire]:
    """The fires of a job after `after`, with `state` instead of its schedule's: first as it is, then as it will be."""
    at = None if coming is None else coming.effective_from
    fired = 0
    for fire in fires_after(schedule.job_id, trigger, after, state, calendars, schedule.skipped, at):
        yield fire
        fired += fire.skip is None
    if coming is not None:
        then = coming.definition.trigger
        counted = replace(state, fired_count=state.fired_count + fired)
        anew, start = then != trigger, max(coming.effective_from - TICK, after)
        changed = replace(schedule, state=counted).changed(coming.effective_from, anew=anew, awaits_end=then.awaits_end)
        yield from fires_after(schedule.job_id, then, start, changed.state, calendars, schedule.skipped)


def fire_at(job_id: UUID, trigger: Trigger, nominal: datetime, following: datetime | None, skip: Skip | None) -> Fire:
    """The fire at this nominal time, which `following` is the next after."""
    return Fire(
        nominal_at=nominal,
        planned_at=planned_at(job_id, nominal, trigger.spread, following),
        window_ends_at=window_end(nominal, trigger.window, following) if trigger.window else None,
        skip=skip,
    )
