"""A platform in this process whose clock stands still until a test moves it: for the tests of jobs and handlers.

It needs the server's package beside the SDK. Fires, retries and time-outs come when they are due by its clock, in
order. Handlers run in this event loop, one task after the other, and take no time; to look at what they say there is
`scheduler_sdk.testing`.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
from dependency_injector import providers

from application.shared.clock import Clock
from bootstrap.container import Container
from bootstrap.running import running
from bootstrap.settings import Settings
from interfaces.rest.app import create_app
from scheduler_sdk.async_client import AsyncClient
from scheduler_sdk.errors import Cancel, Snooze, TaskEnd, TaskFailed
from scheduler_sdk.handlers.failures import end_of
from scheduler_sdk.testing import call_async

ADDRESS = "http://localhost:8080"
START = datetime(2031, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=15)
"""The longest leap: so late a task that nobody takes may be found to have waited too long."""
_AT_ONCE = timedelta(0)

Handlers = Mapping[str, Callable[..., Any]]


class FakeClock(Clock):
    """Stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def move_to(self, instant: datetime) -> None:
        """Never back."""
        self._now = max(self._now, instant)


class LocalPlatform:
    """`client` calls it as any client does; `advance` lets time pass."""

    def __init__(
        self, client: AsyncClient, http: httpx.AsyncClient, container: Container, clock: FakeClock, handlers: Handlers
    ) -> None:
        self.client = client
        self._http = http
        self._container = container
        self._clock = clock
        self._handlers = handlers

    @property
    def now(self) -> datetime:
        """By its clock."""
        return self._clock.now()

    async def settle(self) -> None:
        """Do all that is due now, and all that follows from it at once."""
        await self.advance(_AT_ONCE)

    async def advance(self, duration: timedelta) -> None:
        """Let time pass, from one thing that is due to the next."""
        until = self.now + duration
        while True:
            rest = await self._work_off()
            if self.now >= until:
                return
            self._clock.move_to(min(until, self.now + max(min(rest, STEP), timedelta(milliseconds=1))))

    async def stand_still(self, duration: timedelta) -> None:
        """Let time pass while the platform is down, and start it again: what became due meanwhile is late."""
        self._clock.move_to(self.now + duration)
        await self.settle()

    async def _work_off(self) -> timedelta:
        """How long nothing will be to do."""
        while True:
            loops = (
                self._container.planner(),
                self._container.judge(),
                self._container.follower(),
                self._container.admitter(),
            )
            rests = [await loop.tick() for loop in loops]
            await self._beat()
            await self._container.reaper().tick()
            ran = await self._run_tasks()
            known = [rest for rest in rests if rest is not None]
            if not ran and _AT_ONCE not in known:
                return min(known, default=STEP)

    async def _beat(self) -> None:
        await self._post("heartbeat", {"epoch": self._epoch, "running": []})

    async def register(self) -> None:
        """Once, before anything is run."""
        answer = await self._http.post(
            "/api/v1/cluster/executors",
            json={
                "executorId": "local",
                "instanceId": str(uuid4()),
                "host": "test",
                "version": "1",
                "types": ["PYTHON"],
                "handlers": sorted(self._handlers),
            },
        )
        self._epoch: int = answer.raise_for_status().json()["epoch"]

    async def _run_tasks(self) -> int:
        claim = {"epoch": self._epoch, "claimId": str(uuid4()), "max": 100, "started": True}
        items = (await self._post("claim", claim))["tasks"]
        for item in items:
            said = {"taskId": item["taskId"], "token": item["token"], **await self._outcome(item)}
            await self._post("reports", {"epoch": self._epoch, "reports": [said]})
        return len(items)

    async def _outcome(self, item: dict[str, Any]) -> dict[str, Any]:
        handler = self._handlers[item["handler"]]
        try:
            called = await call_async(handler, item["parameters"], attempt=item["attempt"])
        except Exception as error:
            return _ending(end_of(error))
        return {"kind": "COMPLETE", "result": called.result}

    async def _post(self, verb: str, body: dict[str, Any]) -> Any:
        content = msgspec.json.encode(body)
        answer = await self._http.post(
            f"/api/v1/cluster/executors/local/{verb}", content=content, headers={"Content-Type": "application/json"}
        )
        return answer.raise_for_status().json()


def _ending(end: TaskEnd) -> dict[str, Any]:
    match end:
        case Snooze():
            return {"kind": "SNOOZE", "retryAfter": f"PT{end.delay}S", "message": end.reason}
        case Cancel():
            return {"kind": "CANCEL", "message": end.reason}
        case TaskFailed():
            error = {"code": end.code, "message": end.message, "stack": end.stack}
            after = None if end.retry_after is None else f"PT{end.retry_after}S"
            return {"kind": "FAIL", "error": error, "retryable": end.retryable, "retryAfter": after}
    raise TypeError(f"an attempt does not end with {end!r}")


@asynccontextmanager
async def local_platform(handlers: Handlers, *, start: datetime = START) -> AsyncIterator[LocalPlatform]:
    """A platform on a database of its own, with an executor of these PYTHON handlers, at `start`."""
    clock = FakeClock(start)
    with tempfile.TemporaryDirectory(prefix="scheduler-test-") as room:
        settings = Settings(database_url=f"sqlite:///{Path(room) / 'scheduler.sqlite'}")
        container = Container(settings=providers.Object(settings), clock=providers.Object(clock))
        async with running(container, migrate=True, loops=False):
            transport = httpx.ASGITransport(create_app(container.services()))  # type: ignore[arg-type]
            async with (
                httpx.AsyncClient(transport=transport, base_url=ADDRESS) as http,
                AsyncClient(ADDRESS, transport=transport) as client,
            ):
                platform = LocalPlatform(client, http, container, clock, handlers)
                await platform.register()
                yield platform
