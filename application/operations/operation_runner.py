"""Does operations when they are due or wished for, on one node at a time, and records each execution."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from application.operations.locking import Locking
from application.operations.ports import Agenda, BeginOperations, OperationsReader, OperationsWork
from application.operations.upkeep import Tally, Upkeep
from application.shared.ids import Ids
from domain.operations.execution import Execution, ExecutionId, ExecutionStatus
from domain.operations.lock import LockTerm
from domain.operations.operation import Operation, OperationTerms

log = logging.getLogger(__name__)

AT_ONCE: Final = timedelta(0)
HELD_ELSEWHERE: Final = timedelta(seconds=5)
"""When to look again after one that another node does."""

_Ending = tuple[ExecutionStatus, str | None]


def lock_term(terms: OperationTerms) -> LockTerm:
    """The lock that an operation runs under."""
    return LockTerm(name=f"operation:{terms.name}", at_most=terms.held_at_most)


class OperationRunner:
    """All nodes with the role loops have one. The lock saves work; what an execution writes is fenced by the store.

    A node that died leaves an execution RUNNING: whoever takes the lock next writes down that it was cut off.
    """

    def __init__(
        self,
        upkeep: Sequence[Upkeep],
        begin: BeginOperations,
        reader: OperationsReader,
        locking: Locking,
        ids: Ids,
        node: str,
    ) -> None:
        self._upkeep = upkeep
        self._begin = begin
        self._reader = reader
        self._locking = locking
        self._ids = ids
        self._node = node
        self._working: asyncio.Task[None] | None = None
        self._stopping = False

    async def tick(self) -> timedelta | None:
        """Do what is to be done, one after the other; how long nothing will be. Raises `StoreUnavailable`."""
        agenda = await self._reader.agenda()
        rest: timedelta | None = None
        for upkeep in self._upkeep:
            wait = self._wait(agenda, upkeep)
            if wait == AT_ONCE:
                wait = AT_ONCE if await self._turn(upkeep) else HELD_ELSEWHERE
            if wait is not None:
                rest = wait if rest is None else min(rest, wait)
        return rest

    def stop(self) -> None:
        """Begin nothing more; what runs is cut off, written down, and due on the other nodes."""
        self._stopping = True
        if self._working is not None:
            self._working.cancel()

    def _wait(self, agenda: Agenda, upkeep: Upkeep) -> timedelta | None:
        name = upkeep.terms.name
        if name in agenda.pending:
            return AT_ONCE
        wait = agenda.waits.get(name, AT_ONCE)
        return None if wait is None else max(AT_ONCE, wait)

    async def _turn(self, upkeep: Upkeep) -> bool:
        """Whether it was this node's to do."""
        if self._stopping:
            return False
        async with self._locking.holding(lock_term(upkeep.terms)) as lock:
            if lock is None:
                return False
            execution = await self._enter(upkeep.terms, lock.token)
            if execution is not None:
                await self._execute(upkeep, execution)
            return True

    async def _enter(self, terms: OperationTerms, token: int) -> Execution | None:
        async with self._begin() as work:
            operation = await work.operations.take(terms.name, work.now)
            pending = await work.executions.pending(terms.name)
            if pending is None and not operation.is_due(work.now):
                return None
            if operation.execution is not None:
                last = await work.executions.find(operation.execution)
                if last is not None and last.is_under_way:
                    await work.executions.save(last.abandoned(work.now))
            if pending is None:
                pending = Execution.due(ExecutionId(self._ids.new()), terms.name, terms.description, work.now)
                await work.executions.add(pending)
            execution = pending.begun(self._node, token, work.now)
            await work.executions.save(execution)
            operation.begin(execution.id, terms, work.now)
            await work.operations.save(operation)
            await work.commit()
        return execution

    async def _execute(self, upkeep: Upkeep, execution: Execution) -> None:
        tally = Tally()
        status, error = await self._run(upkeep, tally)
        async with self._begin() as work:
            operation = await work.operations.take(execution.operation, work.now)
            if operation.execution != execution.id:
                log.warning("the operation %s ended after another node had taken it over", execution.operation)
                return
            await work.executions.save(execution.ended(status, tally.processed, error, work.now))
            _end(operation, status, upkeep.terms, work)
            await work.operations.save(operation)
            await work.commit()

    async def _run(self, upkeep: Upkeep, tally: Tally) -> _Ending:
        terms = upkeep.terms
        working = self._working = asyncio.create_task(_run(upkeep, tally), name=f"operation {terms.name}")
        try:
            await asyncio.wait({working}, timeout=terms.timeout.total_seconds())
            if not working.done():
                working.cancel()
                await asyncio.wait({working})
                if working.cancelled():
                    log.error("the operation %s was ended: it took more than %s", terms.name, terms.timeout)
                    return ExecutionStatus.TIMEOUT, f"It took more than {terms.timeout} and was ended."
        finally:
            self._working = None
            working.cancel()
        if working.cancelled():
            return ExecutionStatus.CANCELLED, f"The node {self._node} stopped; another one goes on."
        if (error := working.exception()) is not None:
            log.error("the operation %s failed; it is tried again", terms.name, exc_info=error)
            return ExecutionStatus.ERROR, f"{type(error).__name__}: {error}".partition("\n")[0]
        return ExecutionStatus.SUCCESS, None


async def _run(upkeep: Upkeep, tally: Tally) -> None:
    await upkeep.work(tally)


def _end(operation: Operation, status: ExecutionStatus, terms: OperationTerms, work: OperationsWork) -> None:
    if status is ExecutionStatus.SUCCESS:
        operation.succeed(terms, work.now)
    elif status is ExecutionStatus.CANCELLED:
        operation.stop(work.now)
    else:
        operation.fail(terms, work.now)
