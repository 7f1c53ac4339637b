"""Tasks by the thousand inside a unit of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.errors import JobNotFound
from domain.scheduling.ids import LaneId, TaskId
from domain.scheduling.ports.task_queue import Session, TaskQueue
from domain.scheduling.settlement import Attempt, Settlement
from domain.scheduling.task import NewTask
from domain.scheduling.task_status import Gate, TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Statement
from infrastructure.sql.scheduling import exchange_postgresql, exchange_sqlite
from infrastructure.sql.scheduling.giving_up import time_out_waiting
from infrastructure.sql.scheduling.judging import BEGIN_TO_WAIT, IDS
from infrastructure.sql.scheduling.lease_scripts import facts_of_attempts
from infrastructure.sql.scheduling.letting_go import let_go_expired, let_go_session, session_is_live
from infrastructure.sql.scheduling.new_tasks import NEW_TASKS, insert_new_tasks, new_task_rows
from infrastructure.sql.scheduling.scripts import run_in
from infrastructure.sql.scheduling.settling import session_parameters
from infrastructure.sql.scheduling.task_changes import Condition, limit_gate, of_session, retry_gate, t, word
from infrastructure.sql.scheduling.task_rows import attempt_of
from infrastructure.sql.scheduling.task_tables import tasks
from infrastructure.sql.types import Instant
from infrastructure.sql.unit_of_work import SqlUnitOfWork


class SqlTaskQueue(TaskQueue):
    """What a unit of work does to sets of tasks."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work
        self._dialect = work.dialect

    async def add(self, tasks: Sequence[NewTask]) -> Mapping[LaneId, int]:
        if not tasks:
            return {}
        new = NEW_TASKS.bind(self._dialect, new_task_rows(tasks))
        added = await self._work.fetch(_ADD, b_now=self._work.now, **new)
        if waiting := [(task.id,) for task in tasks if task.gate is Gate.DEPENDENCY]:
            await self._work.fetch(BEGIN_TO_WAIT, **IDS.bind(self._dialect, waiting))
        if unknown := {task.job_id for task in tasks} - {job_id for job_id, _, _ in added}:
            raise JobNotFound(min(unknown))
        return Counter(LaneId(lane) for _, lane, gate in added if gate is None)

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[TaskId]:
        if not settlements:
            return ()
        exchange = exchange_postgresql.exchange if self._dialect == "postgresql" else exchange_sqlite.exchange
        return sorted((await run_in(self._work, exchange(None, settlements, None))).applied)

    async def take_overdue(self, now: datetime, limit: int) -> Sequence[Attempt]:
        rows = await self._work.fetch(_OVERDUE, b_deadline=now, b_limit=limit)
        return [attempt_of(row) for row in rows]

    async def time_out_waiting(self, now: datetime, limit: int) -> Sequence[TaskId]:
        return await run_in(self._work, time_out_waiting(self._dialect, now, limit))

    async def take_held(self, session: Session, among: Sequence[TaskId] | None = None) -> Sequence[Attempt]:
        parameters = dict(session_parameters(session))
        if among is None:
            rows = await self._work.fetch(_HELD, **parameters)
        else:
            parameters |= IDS.bind(self._dialect, [(id_,) for id_ in among])
            rows = await self._work.fetch(_HELD_AMONG, **parameters)
        return [attempt_of(row) for row in rows]

    async def take_abandoned(self, limit: int) -> Sequence[Attempt]:
        return [attempt_of(row) for row in await self._work.fetch(_ABANDONED, b_limit=limit)]

    async def let_go(self, session: Session) -> int:
        return len(await run_in(self._work, let_go_session(self._dialect, session)))

    async def let_go_expired(self, now: datetime, limit: int) -> int:
        return len(await run_in(self._work, let_go_expired(self._dialect, now, limit)))

    async def open_due(self, now: datetime, limit: int) -> Mapping[LaneId, int]:
        rows = await self._work.fetch(_OPEN, b_due=now, b_limit=limit)
        counts: Counter[LaneId] = Counter()
        for lane, gate in rows:
            counts[LaneId(lane)] += gate is None
        return counts

    async def next_opening(self) -> datetime | None:
        ((instant,),) = await self._work.fetch(_NEXT_OPENING)
        return None if instant is None else instant


_LIMIT: Final = sa.bindparam("b_limit", type_=sa.Integer)


def _taken(*conditions: Condition) -> sa.Select[Any]:
    found = facts_of_attempts().where(t.executor_id.is_not(None), *conditions)
    return found.with_for_update(skip_locked=True, of=tasks)


def _is_overdue() -> Condition:
    now = sa.bindparam("b_deadline", type_=Instant)
    return sa.or_(t.deadline_at <= now, t.total_deadline_at <= now)


def _waits_for_its_time() -> Condition:
    """Word for word the predicate of the index of openings."""
    return sa.and_(t.gate == word(Gate.TIME), t.stopping_until.is_(None))


def _held_among(dialect: DialectName) -> sa.Executable:
    return _taken(of_session(), t.id.in_(sa.select(IDS.source(dialect).c.id)))


def _open(_dialect: DialectName) -> sa.Executable:
    due = sa.select(t.id).where(_waits_for_its_time(), t.ready_at <= sa.bindparam("b_due", type_=Instant))
    due = due.order_by(t.ready_at, t.id).limit(_LIMIT).with_for_update(skip_locked=True, of=tasks)
    tried = t.status == word(TaskStatus.WAITING_RETRY)
    gate = sa.case((tried, retry_gate(dict(t))), else_=limit_gate(dict(t)))
    opened = {"gate": gate, "version": t.version + 1}
    return sa.update(tasks).where(t.id.in_(due)).values(opened).returning(t.lane, t.gate)


_ADD: Final = Statement(lambda dialect: insert_new_tasks(dialect).returning(t.job_id, t.lane, t.gate))
_OVERDUE: Final = Statement(lambda _: _taken(_is_overdue()).limit(_LIMIT))
_HELD: Final = Statement(lambda _: _taken(of_session()))
_HELD_AMONG: Final = Statement(_held_among)
_ABANDONED: Final = Statement(lambda _: _taken(~session_is_live()).limit(_LIMIT))
_OPEN: Final = Statement(_open)
_NEXT_OPENING: Final = Statement(lambda _: sa.select(sa.func.min(t.ready_at)).where(_waits_for_its_time()))
