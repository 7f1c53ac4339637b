"""The ledger: one entry for every decision about a planned fire, whether it ran or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from domain.scheduling.ids import JobId, OccurrenceId, TaskId


class Decision(StrEnum):
    """What became of a planned fire."""

    FIRED = "FIRED"
    SKIPPED_OVERLAP = "SKIPPED_OVERLAP"
    SKIPPED_CALENDAR = "SKIPPED_CALENDAR"
    SKIPPED_PARAMETERS = "SKIPPED_PARAMETERS"
    SKIPPED_PAUSED = "SKIPPED_PAUSED"
    SKIPPED_DISABLED = "SKIPPED_DISABLED"
    SKIPPED_BY_USER = "SKIPPED_BY_USER"
    MISSED = "MISSED"
    COALESCED = "COALESCED"
    BUFFERED = "BUFFERED"
    BUFFER_DROPPED = "BUFFER_DROPPED"
    SUPERSEDED = "SUPERSEDED"

    @property
    def runs(self) -> bool:
        """Whether there is a task for it: a buffered one waits for its turn, and becomes FIRED when that has come."""
        return self in RUNNING


RUNNING = (Decision.FIRED, Decision.BUFFERED)
"""Decisions that make a task; a fire has one of these at most."""


_ASKED_FOR = "manual:"


@lru_cache(maxsize=1024)  # many jobs fire at the same times
def schedule_fire_key(nominal: datetime) -> str:
    """The key of a scheduled or backfilled fire: its nominal instant, the same on every node."""
    return nominal.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def event_fire_key(source: str, id_: str) -> str:
    """The key of a fire that an event caused. Its id has no colon here, so that two events never share a key."""
    return f"event:{source}:{id_.replace('%', '%25').replace(':', '%3A')}"


def backfill_fire_key(backfill: UUID, nominal: datetime) -> str:
    """The key of a fire that a backfill forces, whatever the ledger has already."""
    return f"backfill:{backfill}:{schedule_fire_key(nominal)}"


def manual_fire_key(request: UUID) -> str:
    """The key of a run that somebody asked for."""
    return f"{_ASKED_FOR}{request}"


def is_asked_for(fire_key: str) -> bool:
    """Whether it is the key of such a run."""
    return fire_key.startswith(_ASKED_FOR)


def run_fire_key(run_id: UUID) -> str:
    """The key of a fire that the dependencies of a job have caused: one for each run."""
    return f"run:{run_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One decision. `count` fires from `first_nominal` to `last_nominal` share it; a FIRED one stands for exactly one.

    `extends` names the entry that this one continues: consecutive decisions of one kind not to run are one entry.
    """

    id: OccurrenceId
    job_id: JobId
    fire_key: str
    decision: Decision
    first_nominal: datetime
    last_nominal: datetime
    planned_at: datetime
    count: int
    reason: str | None
    task_id: TaskId | None
    job_version: int
    extends: OccurrenceId | None = None
