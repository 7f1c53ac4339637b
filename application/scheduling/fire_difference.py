"""What a change of a job does to its fires, before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final

from application.scheduling.coming_fires import fires_of
from domain.scheduling.job import ComingChange, Job, JobDefinition, JobStatus
from domain.scheduling.schedule import Schedule
from domain.timing.ports import Calendars

MOST_COMPARED: Final = 2_000
"""Fires of each side; a job that fires every second is compared over half an hour."""

MOST_SHOWN: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A job as it stands: what it is, whether it fires, and where its schedule is."""

    definition: JobDefinition
    status: JobStatus
    schedule: Schedule
    coming: ComingChange | None = None

    @classmethod
    def of(cls, job: Job, schedule: Schedule) -> Standing:
        """Taken before the job is changed: an aggregate changes in place."""
        return cls(definition=job.definition, status=job.status, schedule=schedule, coming=job.coming)


@dataclass(frozen=True, slots=True, kw_only=True)
class FireDifference:
    """Nominal times from `since` up to `until`: the first of those that come and that go, and how many do.

    `until` is earlier than was asked for where a side has more fires than are compared.
    """

    since: datetime
    until: datetime
    added: Sequence[datetime]
    removed: Sequence[datetime]
    added_count: int
    removed_count: int
    unchanged_count: int


def difference(
    before: Standing | None, after: Standing | None, calendars: Calendars, now: datetime, days: int
) -> FireDifference:
    """Of a job that is not there before or after, None. What is due already is decided as it was."""
    until = now + timedelta(days=days)
    old, old_end = _fires(before, calendars, now, until)
    new, new_end = _fires(after, calendars, now, until)
    until = min(old_end, new_end)
    old, new = {t for t in old if t < until}, {t for t in new if t < until}
    added, removed = sorted(new - old), sorted(old - new)
    return FireDifference(
        since=now,
        until=until,
        added=added[:MOST_SHOWN],
        removed=removed[:MOST_SHOWN],
        added_count=len(added),
        removed_count=len(removed),
        unchanged_count=len(old & new),
    )


def _fires(
    standing: Standing | None, calendars: Calendars, now: datetime, until: datetime
) -> tuple[set[datetime], datetime]:
    """The times that will fire, and up to when these are all."""
    if standing is None or standing.status is not JobStatus.ACTIVE:
        return set(), until
    schedule, trigger = standing.schedule, standing.definition.trigger
    state = schedule.state if schedule.awaited is None else replace(schedule.state, last_end=now)
    after = trigger.look_from(now, state)
    coming = fires_of(trigger, standing.coming, schedule, after, state, calendars)
    some = list(islice(takewhile(lambda fire: fire.nominal_at < until, coming), MOST_COMPARED + 1))
    end = some[-1].nominal_at if len(some) > MOST_COMPARED else until
    return {fire.nominal_at for fire in some if fire.skip is None}, end
