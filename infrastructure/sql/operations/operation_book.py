"""Operations and their executions in SQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from domain.operations.execution import Execution, ExecutionId, ExecutionStatus, TriggeredBy
from domain.operations.operation import Operation
from domain.operations.ports.operations import ExecutionBook, OperationBook
from infrastructure.sql.insert import insert
from infrastructure.sql.operations.operation_tables import maintenance_executions, operations
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_o, _e = operations.c, maintenance_executions.c
_MILLISECOND = timedelta(milliseconds=1)


class SqlOperations(OperationBook):
    """A row each, locked from `take` on, also while it is being made."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def take(self, name: str, now: datetime) -> Operation:
        made = insert(self._work.dialect, operations).values(name=name, next_run_at=now)
        locked = made.on_conflict_do_update(index_elements=[_o.name], set_={"next_run_at": _o.next_run_at})
        return operation_of((await self._work.execute(locked.returning(*operations.columns))).one())

    async def save(self, operation: Operation) -> None:
        changes = {
            "next_run_at": operation.next_run_at,
            "every_ms": None if operation.every is None else operation.every // _MILLISECOND,
            "paused_at": operation.paused_at,
            "paused_by": operation.paused_by,
            "paused_reason": operation.paused_reason,
            "failures": operation.failures,
            "execution_id": operation.execution,
        }
        await self._work.execute(sa.update(operations).where(_o.name == operation.name).values(changes))


class SqlExecutions(ExecutionBook):
    """A row each."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def add(self, execution: Execution) -> None:
        await self._work.execute(sa.insert(maintenance_executions).values(_row(execution)))

    async def save(self, execution: Execution) -> None:
        changed = sa.update(maintenance_executions).where(_e.id == execution.id)
        await self._work.execute(changed.values(_row(execution)))

    async def find(self, id_: ExecutionId) -> Execution | None:
        row = (await self._work.execute(sa.select(maintenance_executions).where(_e.id == id_))).one_or_none()
        return None if row is None else execution_of(row)

    async def pending(self, operation: str) -> Execution | None:
        wished = sa.and_(_e.operation == operation, sa.text("status = 'PENDING'"))
        row = (await self._work.execute(sa.select(maintenance_executions).where(wished))).one_or_none()
        return None if row is None else execution_of(row)


def operation_of(row: sa.Row[Any]) -> Operation:
    """The operation that a row holds."""
    return Operation(
        name=row.name,
        next_run_at=row.next_run_at,
        every=None if row.every_ms is None else row.every_ms * _MILLISECOND,
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        paused_reason=row.paused_reason,
        failures=row.failures,
        execution=None if row.execution_id is None else ExecutionId(row.execution_id),
    )


def execution_of(row: sa.Row[Any]) -> Execution:
    """The execution that a row holds."""
    return Execution(
        id=ExecutionId(row.id),
        operation=row.operation,
        description=row.description,
        status=ExecutionStatus(row.status),
        triggered_by=TriggeredBy(row.triggered_by),
        requested_by=row.requested_by,
        created_at=row.created_at,
        executed_at=row.executed_at,
        ended_at=row.ended_at,
        processed=row.processed_count,
        error=row.error_message,
        node=row.server_instance,
        token=row.token,
    )


def _row(execution: Execution) -> dict[str, object]:
    return {
        "id": execution.id,
        "operation": execution.operation,
        "description": execution.description,
        "status": execution.status,
        "triggered_by": execution.triggered_by,
        "requested_by": execution.requested_by,
        "created_at": execution.created_at,
        "executed_at": execution.executed_at,
        "ended_at": execution.ended_at,
        "processed_count": execution.processed,
        "error_message": execution.error,
        "server_instance": execution.node,
        "token": execution.token,
    }
