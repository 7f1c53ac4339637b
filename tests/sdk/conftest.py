"""A fake server, and workers that are gone when the test is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from scheduler_sdk.worker import Worker
from tests.sdk.fake_server import FakeServer


class Crew:
    """Starts workers, and ends them with the test."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._runs: dict[Worker, asyncio.Task[None]] = {}

    def worker(self, **options: Any) -> Worker:
        return Worker(self._server.url, **options)

    def begin(self, worker: Worker) -> asyncio.Task[None]:
        self._runs[worker] = asyncio.create_task(worker.run())
        return self._runs[worker]

    async def start(self, worker: Worker | None = None, **options: Any) -> Worker:
        """A worker that has registered; without another word it runs commands."""
        worker = worker or self.worker(**{"commands": True, **options})
        run = self.begin(worker)
        ready = asyncio.create_task(worker.ready.wait())
        await asyncio.wait([run, ready], timeout=20, return_when=asyncio.FIRST_COMPLETED)
        if run.done():
            run.result()
        assert ready.done()
        return worker

    def run_of(self, worker: Worker) -> asyncio.Task[None]:
        return self._runs[worker]

    async def end(self, worker: Worker, *, at_once: bool = False) -> None:
        worker.stop(at_once=at_once)
        async with asyncio.timeout(20):
            await self._runs[worker]

    async def close(self) -> None:
        for worker, run in self._runs.items():
            worker.stop(at_once=True)
            async with asyncio.timeout(20):
                await asyncio.gather(run, return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    server = FakeServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def crew(server: FakeServer) -> AsyncIterator[Crew]:
    crew = Crew(server)
    yield crew
    await crew.close()


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the SDK has logged so far."""
    caplog.set_level("INFO", logger="scheduler_sdk")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "scheduler_sdk"]
