"""Jobs that fire when events come, on the dictionaries of the fake store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.ports.listener_queue import Fire, Listener, ListenerQueue
from domain.scheduling.schedule import Schedule
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonObject, JsonText
from domain.timing.event_pattern import EventPattern

if TYPE_CHECKING:
    from tests.unit.application.fake_store import Tables


class FakeListenerQueue(ListenerQueue):
    """`with_live` counts the tasks in the way of a fire."""

    def __init__(self, tables: Tables, with_live: Callable[[Schedule], Schedule]) -> None:
        self._tables, self._with_live = tables, with_live

    async def put(self, job_id: JobId, patterns: Sequence[EventPattern]) -> None:
        self._tables.listeners[job_id] = tuple(patterns)

    async def listening(self, tenant: TenantId, event_types: Collection[str]) -> Mapping[str, Sequence[JobId]]:
        return {
            event_type: [
                job_id
                for job_id, patterns in sorted(self._tables.listeners.items())
                if any(EventPattern(p.type).matches(event_type, "") for p in patterns)
                and self._tables.jobs[job_id].tenant == tenant
            ]
            for event_type in event_types
        }

    async def take(self, job_ids: Collection[JobId]) -> Sequence[Listener]:
        return [self._listener(job_id) for job_id in sorted(job_ids)]

    async def fired(self, fires: Collection[Fire]) -> Mapping[Fire, TaskId]:
        return {
            (entry.job_id, entry.fire_key): entry.task_id
            for entry in self._tables.occurrences.values()
            if entry.task_id is not None and (entry.job_id, entry.fire_key) in fires
        }

    def _listener(self, job_id: JobId) -> Listener:
        definition = self._tables.jobs[job_id].definition
        return Listener(
            schedule=self._with_live(self._tables.schedules[job_id]),
            job_name=definition.name,
            job_type=definition.type,
            parameters=encoded(definition.parameters),
            trigger=definition.trigger,
            limits=definition.limits,
        )


def encoded(parameters: JsonObject) -> JsonText:
    """As a job's parameters are stored."""
    return JsonText(msgspec.json.encode(parameters).decode())
