"""Events from outside make jobs fire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.scheduling.metrics import UNCOUNTED, Metrics
from application.scheduling.ports import BeginWork, SchedulingWork
from application.scheduling.recording import WrittenUp, write_up
from application.shared.ids import Ids
from application.shared.principal import Principal
from application.shared.wake_up import OPENINGS, WakeUp, lane_topic
from domain.scheduling.firing import Cause, Firing, decide_at_once
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.inbound_event import InboundEvent
from domain.scheduling.occurrence import Decision
from domain.scheduling.ports.listener_queue import Listener
from domain.scheduling.task import Origin
from domain.shared.json_value import JsonText

BATCH = 250
"""Jobs in one transaction. An event that concerns more of them takes several; who repeats it fires none twice."""

PARAMETER = "event"
"""Under this name the task has the event, beside the job's own parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDecision:
    """What a job made of an event; `repeated`: it had done so before, when the same event came first."""

    job_id: JobId
    job_name: str
    decision: Decision
    task_id: TaskId | None = None
    reason: str | None = None
    repeated: bool = False


class EventIntake:
    """Each job fires once for an event, however often it is delivered: the ledger knows it by its source and id."""

    def __init__(self, begin: BeginWork, ids: Ids, wake_up: WakeUp, metrics: Metrics = UNCOUNTED) -> None:
        self._begin = begin
        self._ids = ids
        self._wake_up = wake_up
        self._metrics = metrics

    async def receive(self, principal: Principal, event: InboundEvent) -> Sequence[EventDecision]:
        """What each active job whose trigger means the event decided, by their ids."""
        async with self._begin() as work:
            listening = await work.listeners.listening(principal.tenant, event.type)
        decisions: list[EventDecision] = []
        for first in range(0, len(listening), BATCH):
            async with self._begin() as work:
                listeners = await work.listeners.take(event, listening[first : first + BATCH])
                decisions += await self._decide(work, event, listeners)
        return decisions

    async def _decide(
        self, work: SchedulingWork, event: InboundEvent, listeners: Sequence[Listener]
    ) -> Sequence[EventDecision]:
        meant = [
            listener
            for listener in listeners
            if listener.trigger is not None and listener.trigger.accepts(event.type, event.source, work.now)
        ]
        firings = [_fire(listener, event, work) for listener in meant if listener.fired_as is None]
        written = write_up([firing for firing in firings if firing.decisions], self._ids, work.now)
        if written.fired.occurrences:
            await work.schedules.record(written.fired)
            work.record(written.events)
            await work.commit()
            self._tell(written, work.now)
        return [decision for listener in meant if (decision := _decision(listener, written)) is not None]

    def _tell(self, written: WrittenUp, now: datetime) -> None:
        self._metrics.decided(written.fired.occurrences, now)
        self._metrics.created(Origin.EVENT, len(written.fired.tasks))
        for lane, count in written.lanes.items():
            self._wake_up.signal(lane_topic(lane), count)
        if any(task.gate is not None for task in written.fired.tasks):
            self._wake_up.signal(OPENINGS)


def _fire(listener: Listener, event: InboundEvent, work: SchedulingWork) -> Firing:
    parameters = _parameters(listener.parameters, event)
    cause = Cause(fire_key=event.fire_key, origin=Origin.EVENT, parameters=parameters)
    return decide_at_once(listener.schedule, cause, work.now)


def _parameters(own: JsonText, event: InboundEvent) -> JsonText:
    given = msgspec.json.decode(own, type=dict[str, msgspec.Raw])
    given[PARAMETER] = msgspec.Raw(event.document.encode())
    return JsonText(msgspec.json.encode(given).decode())


def _decision(listener: Listener, written: WrittenUp) -> EventDecision | None:
    job_id, name, task_id = listener.schedule.job_id, listener.job_name, listener.fired_as
    if task_id is not None:
        return EventDecision(job_id=job_id, job_name=name, decision=Decision.FIRED, task_id=task_id, repeated=True)
    for made in written.fired.occurrences:
        if made.job_id == job_id:
            return EventDecision(
                job_id=job_id, job_name=name, decision=made.decision, task_id=made.task_id, reason=made.reason
            )
    return None  # it has had all the executions that it may have
