"""What the client that awaits can ask about dependencies and runs, and do to runs. Made by scripts/async_client.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import TypeVar

from scheduler_sdk import graph_calls
from scheduler_sdk.client_calls import Call
from scheduler_sdk.graph_shapes import Dependencies, Graph, Plan, Relative, Run, RunSummary
from scheduler_sdk.shapes import Page

T = TypeVar("T")


class AsyncGraphCalls:
    """A part of `Client`."""

    async def graph(self, *, job: str | None = None) -> Graph:
        """All jobs that depend on others or that others depend on; with `job`, those above and below it."""
        return await self._send(graph_calls.get_graph(job))

    async def dependencies(self, job: str) -> Dependencies:
        """What a job depends on directly, and what each edge asks."""
        return await self._send(graph_calls.list_dependencies(job))

    async def dependents(self, job: str) -> list[Relative]:
        """All that depends on a job, the nearest first."""
        return (await self._send(graph_calls.list_dependents(job)))["items"]

    async def ancestors(self, job: str) -> list[Relative]:
        """All that a job depends on, the nearest first."""
        return (await self._send(graph_calls.list_ancestors(job)))["items"]

    async def plan(self, job: str) -> Plan:
        """The jobs of a run that begins with the job, level by level."""
        return await self._send(graph_calls.plan_run(job))

    def runs(self, *, job: str | None = None) -> AsyncIterator[RunSummary]:
        """Runs, of all jobs or of those that began with one, the newest first; pages are fetched as they are read."""
        return self._pages(graph_calls.list_runs(job))

    async def get_run(self, run: str) -> Run:
        """A run, by the id of the task that it began with: its tasks, how it stands, and what its end waited for."""
        return await self._send(graph_calls.get_run(run))

    async def cancel_run(self, run: str, *, reason: str | None = None) -> Run:
        """Ends all of a run that is alive, and lets nothing more come of it."""
        return await self._send(graph_calls.cancel_run(run, reason))

    @abstractmethod
    def _pages(self, call: Call[Page[T]]) -> AsyncIterator[T]: ...

    @abstractmethod
    async def _send(self, call: Call[T]) -> T: ...
