"""Locks and operations as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from domain.operations.execution import Execution


class HoldView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """One holder. The token is for whoever has the lock; it also releases the lock of a holder that died."""

    token: int
    owner: str
    acquired_at: datetime
    expires_at: datetime


class LockView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A lock that is held, with its holders in the order of their tokens."""

    name: str
    permits: int
    free: int
    holders: Sequence[HoldView]


class HeldLockView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A lock of an operation, and the node that holds it."""

    name: str
    node: str
    token: int
    locked_at: datetime
    at_least_until: datetime
    until: datetime


class ExecutionView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """One execution of an operation. `processedCount` is true also where it failed in the middle."""

    id: UUID
    operation: str
    description: str
    status: str
    triggered_by: str
    requested_by: str | None
    created_at: datetime
    executed_at: datetime | None
    ended_at: datetime | None
    execution_time_ms: int | None
    processed_count: int
    error_message: str | None
    server_instance: str | None
    token: int | None

    @classmethod
    def of(cls, execution: Execution) -> ExecutionView:
        """As it is shown."""
        begin, end = execution.executed_at, execution.ended_at
        return cls(
            id=execution.id,
            operation=execution.operation,
            description=execution.description,
            status=execution.status,
            triggered_by=execution.triggered_by,
            requested_by=execution.requested_by,
            created_at=execution.created_at,
            executed_at=begin,
            ended_at=end,
            execution_time_ms=None
            if begin is None or end is None
            else round((end - begin) / timedelta(milliseconds=1)),
            processed_count=execution.processed,
            error_message=execution.error,
            server_instance=execution.node,
            token=execution.token,
        )


class OperationView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A piece of upkeep. `every`: from the end of one execution to the start of the next; ERROR: the last one failed.

    `shippedEvery` is what holds where nobody has set another interval.
    """

    name: str
    description: str
    status: str
    every: str
    shipped_every: str
    timeout: str
    next_run_at: datetime | None = None
    failures: int = 0
    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_reason: str | None = None
    last_execution: ExecutionView | None = None
