"""What the client that awaits can do with the platform's own upkeep. Made by scripts/async_client.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import TypeVar

from scheduler_sdk import operation_calls as calls
from scheduler_sdk.client_calls import Call
from scheduler_sdk.cluster_shapes import Execution, Operation
from scheduler_sdk.shapes import Page

T = TypeVar("T")


class AsyncOperationCalls:
    """A part of `Client`."""

    async def operations(self) -> list[Operation]:
        """What the platform does for its own upkeep, by name."""
        return (await self._send(calls.list_operations()))["items"]

    async def get_operation(self, operation: str) -> Operation:
        """When it is done next, and how that went the last time."""
        return await self._send(calls.get_operation(operation))

    def executions(self, operation: str | None = None, *, status: str | None = None) -> AsyncIterator[Execution]:
        """What one operation did, or all, the newest first; pages are fetched as they are read."""
        return self._pages(calls.list_executions(operation, status))

    async def get_execution(self, execution: str) -> Execution:
        """One execution, also while it waits or runs."""
        return await self._send(calls.get_execution(execution))

    async def run_operation(self, operation: str) -> Execution:
        """Asks for it to be done now; `get_execution` tells when it is over."""
        return await self._send(calls.run_operation(operation))

    async def pause_operation(self, operation: str, *, reason: str | None = None) -> Operation:
        """Does it no more until it is resumed, but when somebody asks for it."""
        return await self._send(calls.act_on_operation(operation, "pause", reason))

    async def resume_operation(self, operation: str) -> Operation:
        """Does it again."""
        return await self._send(calls.act_on_operation(operation, "resume", None))

    async def change_interval(self, operation: str, every: str | None) -> Operation:
        """From the end of one execution to the start of the next, like `PT5M`; None: as it was shipped."""
        return await self._send(calls.change_interval(operation, every))

    @abstractmethod
    def _pages(self, call: Call[Page[T]]) -> AsyncIterator[T]: ...

    @abstractmethod
    async def _send(self, call: Call[T]) -> T: ...
