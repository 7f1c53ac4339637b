"""Bugs planted on purpose: each takes away one thing that a promise rests on. The checks have to find every one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from application.scheduling import cluster_management, reaper, report_intake
from application.scheduling.planner import Planner
from application.scheduling.ports import SchedulingWork
from application.scheduling.recording import write_up
from application.shared.errors import StoreUnavailable
from domain.scheduling import admission
from domain.scheduling.firing import Firing
from domain.scheduling.ids import LaneId, TaskId
from domain.scheduling.occurrence import Occurrence
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.ports.task_exchange import Claim, Exchanged
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.schedule import Schedule
from domain.scheduling.settlement import Attempt, Settlement, lose
from tests.simulation.loop import current_process
from tests.simulation.store.aggregates import MemoryExecutorRepository
from tests.simulation.store.database import Transaction
from tests.simulation.store.exchange_call import Call
from tests.simulation.store.rows import TaskRow
from tests.simulation.store.schedule_table import Entry, ScheduleTable
from tests.simulation.store.schedules import MemoryChainQueue, MemoryScheduleQueue
from tests.simulation.store.single_tasks import MemoryTaskRepository
from tests.simulation.store.statement import statement
from tests.simulation.store.task_exchange import MemoryTaskExchange
from tests.simulation.store.task_queue import MemoryTaskQueue
from tests.simulation.store.task_table import TaskTable
from tests.simulation.store.work import MemorySchedulingWork


@dataclass(frozen=True, slots=True)
class Mutant:
    """`says` is the bug; `patches` are (owner, name, replacement). `shows_soon`: in the first few worlds."""

    says: str
    patches: tuple[tuple[Any, str, Any], ...]
    shows_soon: bool = True

    @contextmanager
    def planted(self) -> Iterator[None]:
        before = [(owner, name, owner.__dict__[name]) for owner, name, _ in self.patches]
        for owner, name, replacement in self.patches:
            setattr(owner, name, replacement)
        try:
            yield
        finally:
            for owner, name, original in before:
                setattr(owner, name, original)


def _any_lease(self: TaskTable, session: Session | None, end: Settlement) -> TaskRow | None:
    row = self.live.get(end.task_id)
    return row if row is not None and row.may_end_as(end.status) else None


def _any_session(self: TaskRow, session: Session | None, token: int) -> bool:
    return self.token == token


def _same_token(self: Any) -> int:
    self._database.last_token = max(self._database.last_token, 1)
    return int(self._database.last_token)


_exchange = MemoryTaskExchange.exchange


async def _look_then_write(
    self: MemoryTaskExchange, session: Session, settlements: Sequence[Settlement], claim: Claim | None
) -> Exchanged:
    """The tasks are found by one statement and given away, by their ids alone, by the next."""
    if claim is None or settlements:
        return await _exchange(self, session, settlements, claim)
    transaction = self._database.begin()

    def call() -> Call:
        return Call(transaction, session, self._database.now())

    def look() -> list[TaskRow]:
        executor, first = call().executor(), call()._first_lane(claim)
        if executor is None or not executor.may_claim:
            return []
        waiting = sorted((r for r in call()._waiting() if r.lane == first), key=lambda row: (row.rank, row.id))
        return waiting[: claim.limit]

    def write(found: Sequence[TaskRow]) -> list[TaskRow]:
        written = []
        for row in found:
            if (present := call().tasks.live.get(row.id)) is not None:
                claimed = present.claimed(session, claim, call().next_token(), self._database.now())
                call().tasks.live.put(row.id, claimed)
                written.append(claimed)
        return written

    try:
        found = await transaction.run(look)
        claimed = await transaction.run(lambda: write(found))
        await transaction.commit()
    finally:
        transaction.undo()
    if not claimed:
        return await _exchange(self, session, (), None)
    return Exchanged(applied=frozenset(), claimed=[row.as_claimed() for row in claimed], stop=(), may_claim=True)


def _no_unique_key(self: ScheduleTable, entry: Occurrence, now: datetime) -> None:
    self.ledger.put(entry.extends or entry.id, Entry(occurrence=entry, decided_at=now))


@statement
def _take_due_without_locks(self: MemoryScheduleQueue, now: datetime, limit: int) -> Sequence[Schedule]:
    rows = self._table.rows.rows()
    due = sorted((row.due_at, row.schedule.job_id) for row in rows if row.due_at is not None and row.due_at <= now)
    schedules = {row.schedule.job_id: row.schedule for row in rows}
    return [schedules[job_id] for _, job_id in due[:limit]]


def _own_clock(self: MemorySchedulingWork) -> datetime:
    process = current_process()
    assert self._now is not None
    return self._now if process is None else self._now + process.skew


def _lose_for_ever(attempt: Attempt, why: str, now: datetime) -> Settlement:
    policy = replace(attempt.policy, max_lost=1000)
    return lose(replace(attempt, policy=policy), why, now)


_apply = Transaction.apply


def _tell_later(self: Transaction) -> None:
    """The events go to the outbox in a commit of their own."""
    events, self.events = self.events, []
    _apply(self)

    def tell() -> None:
        later = self.database.begin()
        later.events = events
        _apply(later)

    if events:
        asyncio.get_running_loop().call_later(0.01, tell)


@statement
def _nothing(self: Any, *_args: Any, **_kwargs: Any) -> Sequence[Any]:
    return ()


async def _forgets(*_args: Any, **_kwargs: Any) -> None:
    pass


async def _advance_first(self: Planner, work: SchedulingWork, firings: Sequence[Firing]) -> None:
    """The schedules go on in one commit, their fires follow in the next."""
    written = write_up(firings, self._ids, work.now).fired
    await work.schedules.record(Fired(occurrences=(), tasks=(), schedules=written.schedules))
    await work.commit()
    async with self._begin() as second:
        await second.schedules.record(Fired(occurrences=written.occurrences, tasks=written.tasks, schedules=()))
        await second.commit()
    self._low |= {schedule.job_id: schedule for schedule in written.schedules if schedule.is_low}
    self._wake_up.signal("openings")


@statement
def _name_anyhow(self: MemoryTaskRepository, task_id: TaskId, unique_key: str) -> None:
    row = self._tasks.live.lock(task_id)
    assert row is not None
    self._tasks.live.put(task_id, replace(row, unique_key=unique_key))
    self._tasks.keys.put((row.tenant, unique_key), task_id)


_put = MemoryScheduleQueue.put


async def _never_paused(self: MemoryScheduleQueue, schedule: Schedule) -> None:
    await _put(self, replace(schedule, active=True))


_commit = MemorySchedulingWork.commit


async def _commit_anyhow(self: MemorySchedulingWork) -> None:
    with suppress(StoreUnavailable):
        await _commit(self)


def _skip_the_past(self: Schedule, trigger: Any, calendars: Any, now: datetime) -> Schedule:
    return replace(self, upcoming=()).refilled(trigger, calendars, now, skip_past=True)


_open_due = MemoryTaskQueue.open_due


async def _open_early(self: MemoryTaskQueue, now: datetime, limit: int) -> Mapping[LaneId, int]:
    return await _open_due(self, now + timedelta(hours=1), limit)


def _nothing_at_all(*_args: Any) -> None:
    pass


def _always(*_args: Any) -> bool:
    return True


def _never(*_args: Any) -> bool:
    return False


def _no_wait(self: RetryPolicy, failures: int, dice: float) -> timedelta:
    return timedelta(0)


MUTANTS = (
    Mutant("an end is accepted under any token", ((TaskTable, "_leased", _any_lease),)),
    Mutant("an end is accepted from anybody who knows the token", ((TaskRow, "leased_as", _any_session),)),
    Mutant("the token does not rise with a claim", ((Call, "next_token", _same_token),)),
    Mutant("a claim looks first and writes later", ((MemoryTaskExchange, "exchange", _look_then_write),)),
    Mutant(
        "planners lock nothing, and nothing makes a fire unique",
        (
            (ScheduleTable, "enter", _no_unique_key),
            (MemoryScheduleQueue, "_take_due", _take_due_without_locks),
        ),
    ),
    Mutant("schedules go on in a commit of their own", ((Planner, "_write", _advance_first),)),
    Mutant("a unit of work goes by the clock of its node", ((MemorySchedulingWork, "now", property(_own_clock)),)),
    Mutant(
        "work that must not run twice goes back when it is lost",
        tuple((module, "lose", _lose_for_ever) for module in (cluster_management, reaper, report_intake)),
        shows_soon=False,
    ),
    Mutant("a retry does not wait", ((RetryPolicy, "wait_after", _no_wait),)),
    Mutant("a task may be tried for ever", ((RetryPolicy, "may_retry", _always),)),
    Mutant("events are told in a commit of their own", ((Transaction, "apply", _tell_later),)),
    Mutant(
        "a claim that was committed while its session ended is left",
        ((MemoryTaskQueue, "take_abandoned", _nothing),),
        shows_soon=False,
    ),
    Mutant("heartbeats count no absences", ((MemoryTaskExchange, "count_absences", _forgets),), shows_soon=False),
    Mutant(
        "nobody looks for silent executors", ((MemoryExecutorRepository, "take_silent", _nothing),), shows_soon=False
    ),
    Mutant(
        "heartbeats reach nobody but the node that hears them",
        ((MemoryExecutorRepository, "record_beats", _forgets), (reaper, "_spared", _never)),
    ),
    Mutant("a chain goes on before its run has ended", ((MemoryChainQueue, "_is_over", _always),)),
    Mutant("what is let go at a limit is not added up", ((admission, "_take", _nothing_at_all),)),
    Mutant("what has ended may end again", ((TaskRow, "may_end_as", _always),)),
    Mutant("gates open before their time", ((MemoryTaskQueue, "open_due", _open_early),)),
    Mutant("a unique key may be given twice", ((MemoryTaskRepository, "name", _name_anyhow),)),
    Mutant("a paused job goes on firing", ((MemoryScheduleQueue, "put", _never_paused),)),
    Mutant(
        "a commit that failed is answered like any other",
        ((MemorySchedulingWork, "commit", _commit_anyhow),),
        shows_soon=False,
    ),
    Mutant("times that were missed are passed over in silence", ((Schedule, "extended", _skip_the_past),)),
)
