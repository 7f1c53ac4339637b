"""Jobs that fire when events come, in SQL."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from application.scheduling.job_document import cached_document
from application.scheduling.limits_document import limits_of
from application.scheduling.trigger_document import trigger_of
from domain.scheduling.errors import JobNotFound
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.limits import NO_LIMITS, Limits
from domain.scheduling.occurrence import RUNNING
from domain.scheduling.ports.listener_queue import Fire, Listener, ListenerQueue
from domain.scheduling.schedule import Schedule
from domain.shared.errors import Invalid
from domain.shared.ids import TenantId
from domain.timing.event_pattern import EventPattern, patterns_for
from domain.timing.trigger import Trigger
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.in_the_way import counted
from infrastructure.sql.scheduling.schedule_rows import COLUMNS, schedule_of
from infrastructure.sql.scheduling.schedule_statements import JOBS
from infrastructure.sql.scheduling.tables import event_listeners, jobs, occurrences, schedules
from infrastructure.sql.unit_of_work import SqlUnitOfWork

log = logging.getLogger(__name__)

_s, _l, _j, _o = schedules.c, event_listeners.c, jobs.c, occurrences.c


class SqlListenerQueue(ListenerQueue):
    """An event's type has some patterns that match it; each is looked up in an index."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def put(self, job_id: JobId, patterns: Sequence[EventPattern]) -> None:
        await self._work.execute(sa.delete(event_listeners).where(_l.job_id == job_id))
        if not patterns:
            return
        rows = _PATTERNS.bind(self._work.dialect, [(p.type, p.source) for p in patterns])
        if not await self._work.fetch(PUT, b_job=job_id, **rows):
            raise JobNotFound(job_id)

    async def listening(self, tenant: TenantId, event_types: Collection[str]) -> Mapping[str, Sequence[JobId]]:
        patterns = {event_type: set(patterns_for(event_type)) for event_type in event_types}
        every = sorted(set().union(*patterns.values()))
        types = _TYPES.bind(self._work.dialect, [(pattern,) for pattern in every])
        listeners: dict[str, set[JobId]] = {}
        for pattern, job_id in await self._work.fetch(LISTENING, b_tenant=tenant, **types):
            listeners.setdefault(pattern, set()).add(JobId(job_id))
        return {
            event_type: sorted(set().union(*(listeners[p] for p in matching & listeners.keys())))
            for event_type, matching in patterns.items()
        }

    async def take(self, job_ids: Collection[JobId]) -> Sequence[Listener]:
        those = JOBS.bind(self._work.dialect, [(job_id,) for job_id in job_ids])
        locked = [schedule_of(row) for row in await self._work.fetch(TAKE, **those)]
        taken = await counted(self._work, locked, locked)
        facts = {job_id: row for job_id, *row in await self._work.fetch(FACTS, **those)}
        return [_listener(schedule, facts[schedule.job_id]) for schedule in taken]

    async def fired(self, fires: Collection[Fire]) -> Mapping[Fire, TaskId]:
        rows = await self._work.fetch(FIRED, **_FIRES.bind(self._work.dialect, sorted(fires)))
        return {(JobId(job_id), key): TaskId(task_id) for job_id, key, task_id in rows if task_id is not None}


_PATTERNS: Final = Relation("p", event_type=sa.Text, source=sa.Text)
_TYPES: Final = Relation("p", event_type=sa.Text)
_FIRES: Final = Relation("f", job_id=sa.Uuid, fire_key=sa.Text)


def _put(dialect: DialectName) -> sa.Insert:
    p = _PATTERNS.source(dialect).c
    row = {"job_id": _j.id, "tenant": _j.tenant, "event_type": p.event_type, "source": p.source}
    chosen = sa.select(*row.values()).where(_j.id == sa.bindparam("b_job", type_=sa.Uuid))
    return sa.insert(event_listeners).from_select(list(row), chosen).returning(_l.job_id)


def _listening(dialect: DialectName) -> sa.Select[Any]:
    of_tenant = _l.tenant == sa.bindparam("b_tenant", type_=sa.Text)
    return sa.select(_l.event_type, _l.job_id).where(of_tenant, _is_one_of(dialect))


def _is_one_of(dialect: DialectName) -> sa.ColumnElement[bool]:
    """A join may be done from either side; a plan made while the table was empty would read all of it for ever."""
    if dialect == "postgresql":
        return _l.event_type == sa.any_(sa.bindparam("p_event_type", type_=ARRAY(sa.Text)))
    return _l.event_type.in_(sa.select(_TYPES.source(dialect).c.event_type))


def _take(dialect: DialectName) -> sa.Select[Any]:
    of = JOBS.source(dialect)
    those = sa.select(*COLUMNS).select_from(of.join(schedules, _s.job_id == of.c.job_id))
    # In this order for everybody, so that two events never wait for each other in a circle.
    return those.order_by(_s.job_id).with_for_update(of=schedules)


def _facts(dialect: DialectName) -> sa.Select[Any]:
    of = JOBS.source(dialect)
    facts = sa.select(_j.id, _j.name, _j.type, _j.parameters, _j.spec)
    return facts.select_from(of.join(jobs, _j.id == of.c.job_id))


def _fired(dialect: DialectName) -> sa.Select[Any]:
    """One by one by the index: a plan for a join, made while the ledger was short, would read all of it."""
    f = _FIRES.source(dialect)
    same = (_o.job_id == f.c.job_id, _o.fire_key == f.c.fire_key)
    task_id = sa.select(_o.task_id).where(*same, _o.decision.in_(words(RUNNING))).correlate(f).scalar_subquery()
    return sa.select(f.c.job_id, f.c.fire_key, task_id)


PUT: Final = Statement(_put)
LISTENING: Final = Statement(_listening)
TAKE: Final = Statement(_take)
FACTS: Final = Statement(_facts)
FIRED: Final = Statement(_fired)


def _listener(schedule: Schedule, facts: Sequence[Any]) -> Listener:
    name, type_, parameters, spec = facts
    return Listener(
        schedule=schedule,
        job_name=name,
        job_type=type_,
        parameters=parameters,
        trigger=_trigger(name, spec),
        limits=_limits(spec),
    )


def _limits(spec: str) -> Limits:
    """Of a job whose definition can be read; no other one is meant by an event."""
    try:
        document = cached_document(spec)
        return limits_of(document.name, document.concurrency, document.rate_limit, document.fairness)
    except Invalid:
        return NO_LIMITS


def _trigger(job_name: str, spec: str) -> Trigger | None:
    try:
        return trigger_of(cached_document(spec).trigger)
    except Exception:
        log.exception("the trigger of job %s cannot be read", job_name)
        return None
