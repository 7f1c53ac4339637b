"""Schedules as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from application.scheduling.job_mapping import decode_policy
from domain.scheduling.ids import JobId, LaneId, OccurrenceId, TaskId
from domain.scheduling.occurrence import Decision
from domain.scheduling.schedule import Schedule, Tail
from domain.scheduling.skip import Skip
from domain.timing.trigger import TriggerState
from infrastructure.sql.scheduling.tables import schedules
from infrastructure.sql.types import from_microseconds, to_microseconds

_s = schedules.c

COLUMNS = (
    _s.job_id,
    _s.job_version,
    _s.lane,
    _s.policy,
    _s.upcoming,
    _s.skips,
    _s.active,
    _s.exhausted,
    _s.last_nominal,
    _s.last_end,
    _s.fired_count,
    _s.since,
    _s.awaited_task,
    _s.tail_id,
    _s.tail_decision,
)
"""What `schedule_of` reads, in this order."""

_SKIPS = msgspec.json.Decoder(list[tuple[int, str, str]])
_MICROSECONDS = msgspec.json.Decoder(list[int])


def schedule_of(row: Sequence[Any]) -> Schedule:
    """The schedule of a row of `COLUMNS`; nothing is known yet about tasks in the way.

    Raises whatever makes it unreadable, for example a policy that a newer version has written.
    """
    job_id, version, lane, policy, upcoming, skips, active, exhausted, *state, awaited, tail_id, tail = row
    last_nominal, last_end, fired_count, since = state
    return Schedule(
        job_id=JobId(job_id),
        job_version=version,
        lane=LaneId(lane),
        policy=decode_policy(policy),
        state=TriggerState(last_nominal=last_nominal, last_end=last_end, fired_count=fired_count, since=since),
        upcoming=instants_of(upcoming),
        skips=() if skips is None else _skips(skips),
        active=active,
        exhausted=exhausted,
        tail=Tail(occurrence_id=OccurrenceId(tail_id), decision=Decision(tail)) if tail_id else None,
        awaited=None if awaited is None else TaskId(awaited),
    )


def with_live(schedule: Schedule, live: int) -> Schedule:
    """With the number of tasks that are in the way of a fire."""
    return replace(schedule, live=live) if live else schedule


@lru_cache(maxsize=4096)  # many jobs are due at the same times
def instants_of(upcoming: str) -> tuple[datetime, ...]:
    """The inverse of `upcoming_text`."""
    return tuple([from_microseconds(n) for n in _MICROSECONDS.decode(upcoming)])


def _skips(text: str) -> tuple[Skip, ...]:
    return tuple([Skip(nominal=from_microseconds(n), reason=reason, by=by) for n, reason, by in _SKIPS.decode(text)])


def skips_text(skips: tuple[Skip, ...]) -> str | None:
    """A JSON array of nominal time, reason and person; nothing where there are none, as nearly everywhere."""
    found = [(to_microseconds(skip.nominal), skip.reason, skip.by) for skip in skips]
    return msgspec.json.encode(found).decode() if found else None


@lru_cache(maxsize=4096)
def upcoming_text(upcoming: tuple[datetime, ...]) -> str:
    """A JSON array of microseconds since 1970: exact, and the same text for the same times."""
    return f"[{','.join([str(to_microseconds(n)) for n in upcoming])}]"
