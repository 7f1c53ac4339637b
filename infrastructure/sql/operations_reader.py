"""Operations and their executions as loops and the API read them, in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from application.operations.ports import Agenda, OperationsReader
from application.operations.views import ExecutionView
from application.shared.page import Page
from domain.operations.errors import ExecutionNotFound
from domain.operations.execution import Execution, ExecutionId
from domain.operations.operation import Operation
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.engine import Store
from infrastructure.sql.operations.operation_book import execution_of, operation_of
from infrastructure.sql.operations.operation_tables import maintenance_executions, operations
from infrastructure.sql.scheduling.reading import Reading, Row, page_of
from infrastructure.sql.types import Instant

_o, _e = operations.c, maintenance_executions.c
_PENDING = sa.text("status = 'PENDING'")


class SqlOperationsReader(Reading, OperationsReader):
    """Every call sees one committed state."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)

    async def agenda(self) -> Agenda:
        is_pending = sa.exists().where(_e.operation == _o.name, _PENDING)
        next_run = sa.case((_o.paused_at.is_(None), _o.next_run_at)).label("next_run_at")
        now = self._now()
        known = sa.select(_o.name, next_run, is_pending.label("pending"), now.label("now"))
        rows = await self._all(known)
        return Agenda(
            waits={row.name: None if row.next_run_at is None else row.next_run_at - row.now for row in rows},
            pending=frozenset(row.name for row in rows if row.pending),
        )

    async def operations(self) -> Mapping[str, tuple[Operation, Execution | None]]:
        last = await self._all(sa.select(maintenance_executions).join(operations, _o.execution_id == _e.id))
        executions = {row.id: execution_of(row) for row in last}
        rows = await self._all(sa.select(operations))
        return {row.name: (operation_of(row), executions.get(row.execution_id)) for row in rows}

    async def executions(
        self, operation: str | None, statuses: tuple[str, ...], limit: int, cursor: str | None
    ) -> Page[ExecutionView]:
        cursors = Cursors("executions", (operation, statuses), UUID)
        query = sa.select(maintenance_executions).order_by(_e.id.desc()).limit(limit + 1)
        if operation is not None:
            query = query.where(_e.operation == operation)
        if statuses:
            query = query.where(_e.status.in_(statuses))
        if cursor is not None:
            query = query.where(_e.id < cursors.position(cursor))
        return page_of(await self._all(query), limit, cursors, lambda row: row.id, _view)

    async def execution(self, id_: ExecutionId) -> ExecutionView:
        row = await self._first(sa.select(maintenance_executions).where(_e.id == id_))
        if row is None:
            raise ExecutionNotFound(id_)
        return _view(row)

    def _now(self) -> sa.ColumnElement[datetime]:
        if self._store.dialect == "sqlite":
            return sa.literal(self._store.clock.now(), Instant)
        return sa.func.now(type_=Instant)


def _view(row: Row) -> ExecutionView:
    return ExecutionView.of(execution_of(row))
