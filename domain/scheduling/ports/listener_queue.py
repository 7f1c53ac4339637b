"""Jobs that fire when events come."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.inbound_event import InboundEvent
from domain.scheduling.schedule import Schedule
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText
from domain.timing.event_pattern import EventPattern
from domain.timing.trigger import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A job that may be meant by an event.

    `trigger` is None if it cannot be read here. `fired_as` is the task of this same event, if it came before.
    """

    schedule: Schedule
    job_name: str
    parameters: JsonText
    trigger: Trigger | None
    fired_as: TaskId | None


class ListenerQueue(Protocol):
    """Patterns are kept beside the jobs, so that an event finds those it concerns among any number of them."""

    @abstractmethod
    async def put(self, job_id: JobId, patterns: Sequence[EventPattern]) -> None:
        """The job listens to these, and to nothing else. Raises `JobNotFound`."""

    @abstractmethod
    async def listening(self, tenant: TenantId, event_type: str) -> Sequence[JobId]:
        """The jobs that listen to events of this type, active or not, in the order of their ids."""

    @abstractmethod
    async def take(self, event: InboundEvent, job_ids: Sequence[JobId]) -> Sequence[Listener]:
        """These jobs in the order of their ids, their schedules locked, waiting for whoever holds them.

        Whether the event is meant, by its source and at this time, is for the trigger to say.
        """
