"""Due schedules become ledger entries and tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from application.scheduling.ending_others import end_others, tell_ended
from application.scheduling.metrics import UNCOUNTED, Metrics
from application.scheduling.ports import BeginWork, SchedulingWork
from application.scheduling.recording import write_up
from application.scheduling.switches import NOTHING_STOPPED, RECHECK, Stops
from application.shared.errors import StoreUnavailable
from application.shared.ids import Ids
from application.shared.wake_up import CHAINS, JUDGEMENTS, OPENINGS, WakeUp, lane_topic
from domain.scheduling.errors import AlreadyFired
from domain.scheduling.events import ScheduleFailed
from domain.scheduling.firing import Firing, decide
from domain.scheduling.ids import JobId
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import Origin
from domain.scheduling.task_status import Gate
from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger

log = logging.getLogger(__name__)

LARGEST_CHUNK = 250
"""Schedules in one transaction: small enough that the first of a thousand are claimable long before the last."""

REFILL_SLICE = 25
"""Triggers evaluated before others get a turn: a thousand in one go would stall the process for a fifth of a second."""

BEHIND_AT_ONCE = 25
"""Schedules of which each may have hundreds of fires to decide: more would stall the process for seconds."""

PROMPT = timedelta(minutes=1)
"""Who is due for longer is behind, and takes turns with those who are not."""

SET_ASIDE = timedelta(minutes=1)
"""How long a schedule that cannot be decided or written is left alone."""


TakeEffect = Callable[[JobId], Awaitable[None]]
"""Makes of a job what was announced for an instant that has come."""


class Planner:
    """Any number of them may run at once, on any number of nodes: the locks and keys of the store keep them apart."""

    def __init__(
        self,
        begin: BeginWork,
        ids: Ids,
        calendars: Calendars,
        wake_up: WakeUp,
        metrics: Metrics = UNCOUNTED,
        stops: Stops = NOTHING_STOPPED,
        take_effect: TakeEffect | None = None,
    ) -> None:
        self._begin = begin
        self._ids = ids
        self._calendars = calendars
        self._wake_up = wake_up
        self._metrics = metrics
        self._stops = stops
        self._take_effect = take_effect
        self._chunk = LARGEST_CHUNK
        self._is_behind = False
        self._low: dict[JobId, Schedule] = {}
        self._beside: asyncio.Task[None] | None = None

    async def tick(self) -> timedelta | None:
        """Fire everything that is due; how long until the next fire, None if there is none.

        While firing is stopped schedules stay due, and their misfire policies decide afterwards.
        """
        if await self._stops.firing_is_stopped():
            return RECHECK
        await self._fire_due()
        while await self._refill_slice():
            await self._fire_due()
        async with self._begin() as work:
            next_due = await work.schedules.next_due()
            return None if next_due is None else max(next_due - work.now, timedelta(0))

    async def _fire_due(self) -> None:
        """Of a herd two chunks are worked off at a time: one is decided here while the database writes the other."""
        try:
            await self._fire_chunks()
            if self._beside is not None:
                await self._beside
        finally:
            beside, self._beside = self._beside, None
            if beside is not None:
                beside.cancel()  # for nothing, unless this one has failed or is to stop
                await asyncio.gather(beside, return_exceptions=True)

    async def _fire_chunks(self) -> None:
        while await self._fire_chunk():
            pass

    async def _fire_chunk(self) -> bool:
        due: Sequence[Schedule] = ()
        try:
            async with self._begin() as work:
                due = await self._take_due(work)
                if not due:
                    await work.commit()  # one that cannot even be read was set aside
                    return False
                if len(due) == LARGEST_CHUNK and self._beside is None:  # there are more
                    self._beside = asyncio.create_task(self._fire_chunks())
                changing = [s.job_id for s in due if s.changes_by(work.now)]
                due = [s for s in due if not s.changes_by(work.now)]
                await self._write(work, await self._decide(work, due))
            for job_id in changing:
                await self._change(job_id)
        except StoreUnavailable:
            raise
        except Exception as error:
            await self._narrow(due, error)
            return True
        self._chunk = min(LARGEST_CHUNK, self._chunk * 2)
        return True

    async def _take_due(self, work: SchedulingWork) -> Sequence[Schedule]:
        """The longest due first; after each time that these were behind, first those that have just come due.

        So after a standstill nobody waits until everybody has caught up.
        """
        due: Sequence[Schedule] = ()
        if self._is_behind:
            self._is_behind = False
            due = await work.schedules.take_due(work.now, self._chunk, work.now - PROMPT)
        if not due:
            due = await work.schedules.take_due(work.now, self._chunk)
            self._is_behind = any(s.due_at is not None and s.due_at < work.now - PROMPT for s in due)
        return due[:BEHIND_AT_ONCE] if self._is_behind else due

    async def _write(self, work: SchedulingWork, firings: Sequence[Firing]) -> None:
        """Commit the decisions; then the lanes hear of their tasks, and low schedules wait to be refilled."""
        written = write_up(firings, self._ids, work.now)
        await work.schedules.record(written.fired)
        ended = await end_others(work, firings, written.fired.tasks)
        work.record(written.events)
        await work.commit()
        tell_ended(self._wake_up, self._metrics, ended)
        self._metrics.decided(written.fired.occurrences, work.now)
        self._metrics.created(Origin.SCHEDULE, len(written.fired.tasks))
        for lane, count in written.lanes.items():
            self._wake_up.signal(lane_topic(lane), count)
        if written.fired.tasks:
            self._wake_up.signal(OPENINGS)  # some may wait at limits
        if any(task.gate is Gate.DEPENDENCY for task in written.fired.tasks):
            self._wake_up.signal(JUDGEMENTS)
        if any(s.awaited is not None for s in written.fired.schedules):
            self._wake_up.signal(CHAINS)
        self._low |= {s.job_id: s for s in written.fired.schedules if s.is_low}

    async def _decide(
        self, work: SchedulingWork, due: Sequence[Schedule], most_fires: int | None = None
    ) -> list[Firing]:
        """One decision for each; a schedule whose trigger raises is set aside and holds up nobody."""
        short = [s.job_id for s in due if s.runs_out(work.now)]
        triggers = await work.schedules.triggers(short) if short else {}
        firings = []
        for schedule in due:
            try:
                if schedule.runs_out(work.now):
                    trigger = _readable(triggers, schedule.job_id)
                    schedule = schedule.extended(trigger, self._calendars, work.now)
                    await asyncio.sleep(0)  # a long gap takes some 50 ms: others get a turn
                firings.append(decide(schedule, work.now, most_fires))
            except Exception as error:
                log.exception("schedule of job %s cannot be decided; set aside for %s", schedule.job_id, SET_ASIDE)
                await self._set_aside(work, schedule.job_id, error)
        return firings

    async def _change(self, job_id: JobId) -> None:
        """What was announced takes effect, in a transaction of its own: the job's lock comes before the schedule's."""
        try:
            if self._take_effect is None:
                raise LookupError("nobody here makes announced changes")
            await self._take_effect(job_id)
        except StoreUnavailable:
            raise
        except Exception as error:
            log.exception("the announced change of job %s cannot take effect; tried again in %s", job_id, SET_ASIDE)
            async with self._begin() as work:
                await self._set_aside(work, job_id, error)
                await work.commit()

    async def _narrow(self, due: Sequence[Schedule], error: Exception) -> None:
        """A chunk that cannot be written is tried again by halves, until the culprit stands alone and is set aside."""
        if len(due) > 1:
            self._chunk = len(due) // 2
            log.warning("%d due schedules could not be written (%s); trying %d", len(due), error, self._chunk)
            return
        if not due:
            raise error
        if isinstance(error, AlreadyFired):
            await self._pass_over(due[0].job_id, error)
            return
        log.error("schedule of job %s cannot be written; set aside for %s", due[0].job_id, SET_ASIDE, exc_info=error)
        async with self._begin() as work:
            await self._set_aside(work, due[0].job_id, error)
            await work.commit()

    async def _pass_over(self, job_id: JobId, error: AlreadyFired) -> None:
        """A fire is in the ledger and has its task: only the schedule has yet to learn of it.

        Which of several it is, is not known: the first one is tried alone and the others stay due.
        """
        log.warning("job %s: %s", job_id, error)
        for is_known in (False, True):
            try:
                async with self._begin() as work:
                    firings = await self._decide(work, [await work.schedules.take(job_id)], most_fires=1)
                    await self._write(work, [_without_fires(f) for f in firings] if is_known else firings)
                return
            except AlreadyFired:
                continue

    async def _set_aside(self, work: SchedulingWork, job_id: JobId, error: Exception) -> None:
        retry_at: datetime = work.now + SET_ASIDE
        reason = f"{type(error).__name__}: {error}"
        await work.schedules.set_aside(job_id, reason, retry_at)
        work.record([ScheduleFailed(occurred_at=work.now, job_id=job_id, error=reason, retry_at=retry_at)])

    async def _refill_slice(self) -> bool:
        """Evaluate some triggers ahead of time, after all that is due has been committed; whether others are left."""
        slice_ = [self._low.pop(job_id) for job_id in list(self._low)[:REFILL_SLICE]]
        if not slice_:
            return False
        async with self._begin() as work:
            triggers = await work.schedules.triggers([s.job_id for s in slice_])
            refilled = []
            for schedule in slice_:
                try:
                    trigger = _readable(triggers, schedule.job_id)
                    refilled.append(schedule.refilled(trigger, self._calendars, work.now))
                except Exception as error:
                    log.exception("trigger of job %s cannot be evaluated", schedule.job_id)
                    await self._set_aside(work, schedule.job_id, error)
            await work.schedules.refill(refilled)
            await work.commit()
        await asyncio.sleep(0)
        return bool(self._low)


def _without_fires(firing: Firing) -> Firing:
    return replace(firing, decisions=tuple(d for d in firing.decisions if not d.decision.runs))


def _readable(triggers: Mapping[JobId, Trigger], job_id: JobId) -> Trigger:
    if (trigger := triggers.get(job_id)) is None:
        raise LookupError(
            "the job's trigger cannot be read here; another version of the platform may have written it, or the "
            "package with its type is not installed"
        )
    return trigger
