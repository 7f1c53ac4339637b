"""Schedules as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from application.scheduling.job_mapping import decode_policy
from domain.scheduling.excluded import Excluded
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
    _s.changes_at,
)
"""What `schedule_of` reads, in this order."""

_SKIPS = msgspec.json.Decoder(list[tuple[int, str, str]])
_TIMES = msgspec.json.Decoder(list[int | tuple[int, int, int, str, bool]])


def schedule_of(row: Sequence[Any]) -> Schedule:
    """The schedule of a row of `COLUMNS`; nothing is known yet about tasks in the way.

    Raises whatever makes it unreadable, for example a policy that a newer version has written.
    """
    job_id, version, lane, policy, upcoming, skips, active, exhausted, *state, awaited, tail_id, tail, changes_at = row
    last_nominal, last_end, fired_count, since = state
    return Schedule(
        job_id=JobId(job_id),
        job_version=version,
        lane=LaneId(lane),
        policy=decode_policy(policy),
        state=TriggerState(last_nominal=last_nominal, last_end=last_end, fired_count=fired_count, since=since),
        upcoming=instants_of(upcoming),
        excluded=_excluded(upcoming) if NESTED in upcoming else (),
        skips=() if skips is None else _skips(skips),
        active=active,
        exhausted=exhausted,
        tail=Tail(occurrence_id=OccurrenceId(tail_id), decision=Decision(tail)) if tail_id else None,
        awaited=None if awaited is None else TaskId(awaited),
        changes_at=changes_at,
    )


def with_live(schedule: Schedule, live: int, waiting: int, reserved: int) -> Schedule:
    """With what is in the way of a fire."""
    if live or waiting:
        return replace(schedule, live=live, waiting=waiting, reserved=reserved)
    return schedule


NESTED: Final = '"'
"""In the text of known times wherever calendars take some out, and nowhere else: those have their reason with them."""


@lru_cache(maxsize=4096)  # many jobs are due at the same times
def instants_of(times: str) -> tuple[datetime, ...]:
    """The next fires of a text of known times."""
    return tuple([from_microseconds(n) for n in _TIMES.decode(times) if isinstance(n, int)])


def _excluded(times: str) -> tuple[Excluded, ...]:
    return tuple(
        Excluded(first=from_microseconds(n[0]), last=from_microseconds(n[1]), count=n[2], reason=n[3], noted=n[4])
        for n in _TIMES.decode(times)
        if not isinstance(n, int)
    )


def times_text(schedule: Schedule) -> str:
    """A JSON array of what is known, oldest first: microseconds since 1970 for a fire, an array for excluded times.

    Exact, and the same text for the same times. What is learned later stands behind what is known.
    """
    return _with_excluded(schedule) if schedule.excluded else upcoming_text(schedule.upcoming)


def _skips(text: str) -> tuple[Skip, ...]:
    return tuple([Skip(nominal=from_microseconds(n), reason=reason, by=by) for n, reason, by in _SKIPS.decode(text)])


def skips_text(skips: tuple[Skip, ...]) -> str | None:
    """A JSON array of nominal time, reason and person; nothing where there are none, as nearly everywhere."""
    found = [(to_microseconds(skip.nominal), skip.reason, skip.by) for skip in skips]
    return msgspec.json.encode(found).decode() if found else None


@lru_cache(maxsize=4096)
def upcoming_text(upcoming: tuple[datetime, ...]) -> str:
    """A JSON array of microseconds since 1970."""
    return f"[{','.join([str(to_microseconds(n)) for n in upcoming])}]"


def _with_excluded(schedule: Schedule) -> str:
    times: list[tuple[datetime, object]] = [(n, to_microseconds(n)) for n in schedule.upcoming]
    times += [
        (e.first, (to_microseconds(e.first), to_microseconds(e.last), e.count, e.reason, e.noted))
        for e in schedule.excluded
    ]
    return msgspec.json.encode([known for _, known in sorted(times, key=lambda time: time[0])]).decode()
