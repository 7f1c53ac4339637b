"""Jobs that fire when events come."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.limits import NO_LIMITS, Limits
from domain.scheduling.schedule import Schedule
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText
from domain.timing.event_pattern import EventPattern
from domain.timing.trigger import Trigger

Fire = tuple[JobId, str]
"""A job and the key of a fire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A job that may be meant by an event. `trigger` is None if it cannot be read here."""

    schedule: Schedule
    job_name: str
    job_type: str
    parameters: JsonText
    trigger: Trigger | None
    limits: Limits = NO_LIMITS


class ListenerQueue(Protocol):
    """Patterns are kept beside the jobs, so that an event finds those it concerns among any number of them."""

    @abstractmethod
    async def put(self, job_id: JobId, patterns: Sequence[EventPattern]) -> None:
        """The job listens to these, and to nothing else. Raises `JobNotFound`."""

    @abstractmethod
    async def listening(self, tenant: TenantId, event_types: Collection[str]) -> Mapping[str, Sequence[JobId]]:
        """For each of these types of events the jobs that listen, active or not, in the order of their ids.

        Whether an event is meant, by its source and at its time, is for the trigger to say.
        """

    @abstractmethod
    async def take(self, job_ids: Collection[JobId]) -> Sequence[Listener]:
        """These jobs in the order of their ids, their schedules locked, waiting for whoever holds them."""

    @abstractmethod
    async def fired(self, fires: Collection[Fire]) -> Mapping[Fire, TaskId]:
        """Those of the fires that are in the ledger as FIRED, with their tasks; to be asked under the locks."""
