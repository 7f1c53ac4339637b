"""Events from outside make jobs fire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from application.scheduling.ending_others import end_others, tell_ended
from application.scheduling.filling import fill_from_event
from application.scheduling.metrics import UNCOUNTED, Metrics
from application.scheduling.ports import BeginWork, SchedulingWork
from application.scheduling.recording import WrittenUp, write_up
from application.scheduling.task_keys import keys_of
from application.shared.ids import Ids
from application.shared.principal import Principal
from application.shared.wake_up import OPENINGS, WakeUp, lane_topic
from domain.scheduling.firing import Cause, Firing, PlannedFire, decide_at_once
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.inbound_event import InboundEvent
from domain.scheduling.job_type import JobTypes
from domain.scheduling.occurrence import Decision
from domain.scheduling.ports.listener_queue import Fire, Listener
from domain.scheduling.task import Origin
from domain.timing.ports import Calendars

BATCH = 250
"""Events looked up at once, and fires in one transaction: who repeats what broke off fires none twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDecision:
    """What a job made of an event; `repeated`: it had done so before, when the same event came first."""

    job_id: JobId
    job_name: str
    decision: Decision
    task_id: TaskId | None = None
    reason: str | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Pair:
    """An event, by its place, and a job that listens to its type."""

    place: int
    event: InboundEvent
    job_id: JobId

    @property
    def fire(self) -> Fire:
        return self.job_id, self.event.fire_key


class EventIntake:
    """Each job fires once for an event, however often it is delivered: the ledger knows it by its source and id."""

    def __init__(
        self,
        begin: BeginWork,
        ids: Ids,
        calendars: Calendars,
        types: JobTypes,
        wake_up: WakeUp,
        metrics: Metrics = UNCOUNTED,
    ) -> None:
        self._begin = begin
        self._ids = ids
        self._calendars = calendars
        self._types = types
        self._wake_up = wake_up
        self._metrics = metrics

    async def receive(self, principal: Principal, events: Sequence[InboundEvent]) -> Sequence[Sequence[EventDecision]]:
        """For each event what the active jobs that are meant by it decided, in the order of their ids."""
        decisions: list[list[EventDecision]] = [[] for _ in events]
        for first in range(0, len(events), BATCH):
            for batch in await self._pairs(principal, first, events[first : first + BATCH]):
                async with self._begin() as work:
                    for place, decision in await self._decide(work, batch):
                        decisions[place].append(decision)
        return decisions

    async def _pairs(self, principal: Principal, first: int, events: Sequence[InboundEvent]) -> list[list[_Pair]]:
        """Each event, the first one of which has the place `first`, with each job that listens; batch by batch."""
        async with self._begin() as work:
            listening = await work.listeners.listening(principal.tenant, {event.type for event in events})
        pairs = [_Pair(place, e, job_id) for place, e in enumerate(events, first) for job_id in listening[e.type]]
        return [pairs[start : start + BATCH] for start in range(0, len(pairs), BATCH)]

    async def _decide(self, work: SchedulingWork, pairs: Sequence[_Pair]) -> list[tuple[int, EventDecision]]:
        """The decisions of those that are meant, each with the place of its event."""
        taken = await work.listeners.take({pair.job_id for pair in pairs})
        listeners = {listener.schedule.job_id: listener for listener in taken}
        meant = [pair for pair in pairs if self._is_meant(pair.event, listeners[pair.job_id], work.now)]
        before = await work.listeners.fired({pair.fire for pair in meant}) if meant else {}
        new = [pair for pair in meant if pair.fire not in before]
        firings = _firings(new, listeners, self._calendars, self._types, work.now)
        written = write_up(firings, self._ids, work.now)
        if written.fired.occurrences:
            await work.schedules.record(written.fired)
            ended = await end_others(work, firings, written.fired.tasks)
            work.record(written.events)
            await work.commit()
            tell_ended(self._wake_up, self._metrics, ended)
            self._tell(written, work.now)
        decided = {
            (firing.after.job_id, fire.cause.fire_key): fire
            for firing in firings
            for fire in firing.decisions
            if fire.cause is not None
        }
        tasks = {**before, **{(task.job_id, task.fire_key or ""): task.id for task in written.fired.tasks}}
        answers, known = [], set(before)
        for pair in meant:
            task_id, fire = tasks.get(pair.fire), decided.get(pair.fire)
            if task_id is None and fire is None:
                continue  # the job has had all the executions that it may have
            decision = EventDecision(
                job_id=pair.job_id,
                job_name=listeners[pair.job_id].job_name,
                decision=Decision.FIRED if fire is None else fire.decision,
                task_id=task_id,
                reason=None if fire is None else fire.reason,
                repeated=task_id is not None and pair.fire in known,
            )
            answers.append((pair.place, decision))
            known.add(pair.fire)
        return answers

    def _is_meant(self, event: InboundEvent, listener: Listener, now: datetime) -> bool:
        trigger = listener.trigger
        if trigger is None:
            return False
        return trigger.wants(event.type, event.source, event.document, now, self._calendars)

    def _tell(self, written: WrittenUp, now: datetime) -> None:
        self._metrics.decided(written.fired.occurrences, now)
        self._metrics.created(Origin.EVENT, len(written.fired.tasks))
        for lane, count in written.lanes.items():
            self._wake_up.signal(lane_topic(lane), count)
        if written.fired.tasks:  # some may wait for their time, or at limits
            self._wake_up.signal(OPENINGS)


def _firings(
    pairs: Sequence[_Pair],
    listeners: Mapping[JobId, Listener],
    calendars: Calendars,
    types: JobTypes,
    now: datetime,
) -> list[Firing]:
    """One for each job; an event that came twice counts once."""
    causes: dict[JobId, dict[str, Cause]] = {}
    left_out: dict[JobId, dict[str, PlannedFire]] = {}
    for pair in pairs:
        key, listener = pair.event.fire_key, listeners[pair.job_id]
        of_job, not_run = causes.setdefault(pair.job_id, {}), left_out.setdefault(pair.job_id, {})
        if key in of_job or key in not_run:
            continue
        type_ = types.named(listener.job_type) if listener.job_type in types else None
        filling = fill_from_event(listener.parameters, pair.event, type_)
        closed = _closed(pair.event, listener, calendars, now)
        if (reason := closed or filling.refusal) is None:
            keys = keys_of(listener.limits, filling.parameters)
            of_job[key] = Cause(fire_key=key, origin=Origin.EVENT, parameters=filling.parameters, keys=keys)
        elif listener.schedule.active:
            decision = Decision.SKIPPED_PARAMETERS if closed is None else Decision.SKIPPED_CALENDAR
            cause = Cause(fire_key=key, origin=Origin.EVENT)
            not_run[key] = PlannedFire(nominal=now, planned=now, decision=decision, reason=reason, cause=cause)
    firings = []
    for job_id, of_job in causes.items():
        decided = decide_at_once(listeners[job_id].schedule, [*of_job.values()], now)
        firings.append(replace(decided, decisions=(*left_out[job_id].values(), *decided.decisions)))
    return [firing for firing in firings if firing.decisions]


def _closed(event: InboundEvent, listener: Listener, calendars: Calendars, now: datetime) -> str | None:
    trigger = listener.trigger
    return None if trigger is None else trigger.closed_for(event.type, event.source, event.document, now, calendars)
