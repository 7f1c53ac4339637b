"""Executors and their sessions in SQL."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from domain.scheduling.errors import ExecutorNotFound, StaleVersion
from domain.scheduling.executor import Executor, ExecutorStatus, HostInfo
from domain.scheduling.ids import ExecutorId
from domain.scheduling.placement import Capability
from domain.scheduling.ports.executor_repository import ExecutorRepository
from domain.scheduling.ports.task_queue import Session
from domain.shared.ids import TenantId
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement
from infrastructure.sql.scheduling.tables import executors
from infrastructure.sql.types import Instant
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_MILLISECOND = timedelta(milliseconds=1)
_e = executors.c
_SESSION_LIVES = _e.status != sa.literal_column("'OFFLINE'")  # literal: it is the predicate of the index on heartbeats
_BEATS = Relation("r", id=sa.Text, epoch=sa.Integer, at=Instant)


def _move_forward(dialect: DialectName) -> sa.Executable:
    beats = _BEATS.source(dialect)
    newer = sa.and_(_e.id == beats.c.id, _e.epoch == beats.c.epoch, _e.last_heartbeat_at < beats.c.at, _SESSION_LIVES)
    # Locked in the order of their ids: two nodes that hear the same executors must not wait for each other.
    heard = sa.select(_e.id, beats.c.at).select_from(executors.join(beats, newer))
    locked = heard.order_by(_e.id).with_for_update(of=executors).cte("locked")
    return sa.update(executors).where(_e.id == locked.c.id).values(last_heartbeat_at=locked.c.at)


RECORD_BEATS = Statement(_move_forward)

_this = sa.and_(_e.id == sa.bindparam("b_id"), _e.tenant == sa.bindparam("b_tenant"))
FIND = Statement(lambda _: sa.select(executors).where(_this).with_for_update())
"""Compiled once: every heartbeat asks for its executor."""

_Row: Any = namedtuple("_Row", [c.name for c in executors.c])  # type: ignore[misc]


class SqlExecutorRepository(ExecutorRepository):
    """One row an executor, with its present session."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def get(self, tenant: TenantId, executor_id: ExecutorId) -> Executor:
        executor = await self.find(tenant, executor_id)
        if executor is None:
            raise ExecutorNotFound(executor_id)
        return executor

    async def find(self, tenant: TenantId, executor_id: ExecutorId) -> Executor | None:
        rows = await self._work.fetch(FIND, b_id=executor_id, b_tenant=tenant)
        return _executor(_Row(*rows[0])) if rows else None

    async def save(self, executor: Executor) -> None:
        row = _row(executor)
        try:
            if executor.version == 0:
                await self._work.execute(sa.insert(executors).values(row))
            else:
                unchanged = sa.and_(_e.id == executor.id, _e.version == executor.version)
                result = await self._work.execute(sa.update(executors).where(unchanged).values(row))
                if result.rowcount == 0:
                    raise StaleVersion(f"Executor {executor.id!r}")
        except sa.exc.IntegrityError:  # two processes register under a new id at once
            raise StaleVersion(f"Executor {executor.id!r}") from None
        self._work.release(executor)

    async def take_silent(self, since: datetime, limit: int) -> Sequence[Executor]:
        query = (
            sa.select(executors)
            .where(_SESSION_LIVES, _e.last_heartbeat_at < since)
            .order_by(_e.last_heartbeat_at, _e.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [_executor(row) for row in await self._work.execute(query)]

    async def record_beats(self, beats: Mapping[Session, datetime]) -> None:
        rows = [(session.executor_id, session.epoch, at) for session, at in beats.items()]
        if rows:
            await self._work.fetch(RECORD_BEATS, **_BEATS.bind(self._work.dialect, rows))


def _row(executor: Executor) -> dict[str, Any]:
    offer = executor.capability
    return {
        "id": executor.id,
        "tenant": executor.tenant,
        "status": executor.status,
        "status_reason": executor.status_reason,
        "deactivated": executor.deactivated,
        "instance_id": executor.instance_id,
        "epoch": executor.epoch,
        "host": executor.info.host,
        "worker_version": executor.info.version,
        "pool": offer.pool,
        "labels": msgspec.json.encode(offer.labels).decode(),
        "types": msgspec.json.encode(sorted(offer.types)).decode(),
        "handlers": msgspec.json.encode(sorted(offer.handlers)).decode(),
        "slots": offer.slots,
        "registered_at": executor.registered_at,
        "last_heartbeat_at": executor.last_heartbeat_at,
        "version": executor.version + 1,
        "clock_offset_ms": None if executor.clock_offset is None else executor.clock_offset // _MILLISECOND,
    }


def _executor(row: Any) -> Executor:
    return Executor(
        id=ExecutorId(row.id),
        tenant=TenantId(row.tenant),
        status=ExecutorStatus(row.status),
        instance_id=row.instance_id,
        epoch=row.epoch,
        info=HostInfo(host=row.host, version=row.worker_version),
        capability=Capability(
            pool=row.pool,
            labels=msgspec.json.decode(row.labels, type=dict[str, str]),
            types=frozenset(msgspec.json.decode(row.types, type=list[str])),
            handlers=frozenset(msgspec.json.decode(row.handlers, type=list[str])),
            slots=row.slots,
        ),
        registered_at=row.registered_at,
        last_heartbeat_at=row.last_heartbeat_at,
        deactivated=row.deactivated,
        status_reason=row.status_reason,
        version=row.version,
        clock_offset=None if row.clock_offset_ms is None else row.clock_offset_ms * _MILLISECOND,
    )
