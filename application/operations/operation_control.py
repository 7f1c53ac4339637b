"""Operations as people see and steer them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from application.operations.ports import BeginOperations, OperationsReader, OperationsWork
from application.operations.views import ExecutionView, OperationView
from application.shared.ids import Ids
from application.shared.principal import Principal
from application.shared.wake_up import OPERATIONS, WakeUp
from domain.operations.errors import OperationNotFound
from domain.operations.execution import Execution, ExecutionId
from domain.operations.operation import Operation, OperationTerms
from domain.timing.duration import format_duration


class OperationControl:
    """`terms` are those that this version of the platform has. A node with the role loops does the work."""

    def __init__(
        self,
        terms: Sequence[OperationTerms],
        begin: BeginOperations,
        reader: OperationsReader,
        ids: Ids,
        wake_up: WakeUp,
    ) -> None:
        self._terms = {each.name: each for each in sorted(terms, key=lambda each: each.name)}
        self._begin = begin
        self._reader = reader
        self._ids = ids
        self._wake_up = wake_up

    async def all(self) -> Sequence[OperationView]:
        """By name, each with its last execution."""
        known = await self._reader.operations()
        return [_view(terms, *known.get(name, (None, None))) for name, terms in self._terms.items()]

    async def one(self, name: str) -> OperationView:
        """Raises `OperationNotFound`."""
        terms = self._of(name)
        return _view(terms, *(await self._reader.operations()).get(name, (None, None)))

    async def run(self, principal: Principal, name: str) -> ExecutionView:
        """Wish for an execution now; the one that is wished for already, if it has not begun. Also of a paused one."""
        terms = self._of(name)
        async with self._begin() as work:
            await work.operations.take(name, work.now)
            wished = await work.executions.pending(name)
            if wished is None:
                wished = Execution.wished(
                    ExecutionId(self._ids.new()), name, terms.description, principal.name, work.now
                )
                await work.executions.add(wished)
            await work.commit()
        self._wake_up.signal(OPERATIONS)
        return ExecutionView.of(wished)

    async def pause(self, principal: Principal, name: str, reason: str | None) -> OperationView:
        """Do it no more but on demand."""

        def change(operation: Operation, work: OperationsWork) -> None:
            operation.pause(principal.name, reason, work.now)

        return await self._change(name, change)

    async def resume(self, name: str) -> OperationView:
        """Do it again when it is time."""

        def change(operation: Operation, work: OperationsWork) -> None:
            operation.resume()

        return await self._change(name, change)

    async def change_interval(self, name: str, every: timedelta | None) -> OperationView:
        """From the end of one execution to the start of the next; None: as it was shipped. Raises `Invalid`."""
        terms = self._of(name)

        def change(operation: Operation, work: OperationsWork) -> None:
            operation.change_interval(every, terms, work.now)

        return await self._change(name, change)

    async def _change(self, name: str, change: Callable[[Operation, OperationsWork], None]) -> OperationView:
        self._of(name)
        async with self._begin() as work:
            operation = await work.operations.take(name, work.now)
            change(operation, work)
            await work.operations.save(operation)
            await work.commit()
        self._wake_up.signal(OPERATIONS)
        return await self.one(name)

    def _of(self, name: str) -> OperationTerms:
        if name not in self._terms:
            raise OperationNotFound(name)
        return self._terms[name]


def _view(terms: OperationTerms, operation: Operation | None, last: Execution | None) -> OperationView:
    if operation is None:
        return OperationView(
            name=terms.name,
            description=terms.description,
            status="ACTIVE",
            every=format_duration(terms.every),
            shipped_every=format_duration(terms.every),
            timeout=format_duration(terms.timeout),
        )
    return OperationView(
        name=terms.name,
        description=terms.description,
        status=operation.status,
        every=format_duration(operation.interval(terms)),
        shipped_every=format_duration(terms.every),
        timeout=format_duration(terms.timeout),
        next_run_at=None if operation.paused_at else operation.next_run_at,
        failures=operation.failures,
        paused_at=operation.paused_at,
        paused_by=operation.paused_by,
        paused_reason=operation.paused_reason,
        last_execution=None if last is None else ExecutionView.of(last),
    )
