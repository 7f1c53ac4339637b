"""Calls that stay open, a claim and a followed log, over a real connection: what wakes them and what ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from dependency_injector import providers

from application.shared.wake_up import Listener
from bootstrap.container import Container
from bootstrap.serving import listen, serving
from infrastructure.local.wake_up import LocalWakeUp
from interfaces.rest.app import create_app
from tests.integration.rest.api import Api

SOON = 20  # seconds until a test is given up; nothing here should take one


class WatchedWakeUp(LocalWakeUp):
    """Knows how many listen."""

    def __init__(self) -> None:
        super().__init__()
        self.listening = 0
        self._changed = asyncio.Event()

    @contextmanager
    def listen(self, topics: Iterable[str]) -> Iterator[Listener]:
        with super().listen(topics) as listener:
            self._count(1)
            try:
                yield listener
            finally:
                self._count(-1)

    async def until_listening(self, count: int) -> None:
        """Wait until exactly so many listen."""
        async with asyncio.timeout(SOON):
            while self.listening != count:
                self._changed.clear()
                await self._changed.wait()

    def _count(self, change: int) -> None:
        self.listening += change
        self._changed.set()


@pytest.fixture
def wake_up(container: Container) -> Iterator[WatchedWakeUp]:
    watched = WatchedWakeUp()
    with container.wake_up.override(providers.Object(watched)):
        yield watched


@pytest.fixture
async def api(container: Container, wake_up: WatchedWakeUp) -> AsyncIterator[Api]:
    """A client over a real connection to a real server."""
    app = create_app(container.services())
    async with serving(app, listen("127.0.0.1", 0)) as address:
        async with httpx.AsyncClient(base_url=address, timeout=SOON) as client:
            yield Api(client)


async def held_task(api: Api) -> dict[str, Any]:
    await api.create_job()
    await api.register()
    await api.post("/jobs/backup/trigger")
    (item,) = (await api.claim())["tasks"]
    return {"taskId": item["taskId"], "token": item["token"]}


def log(lease: dict[str, Any], sequence: int, *messages: str) -> dict[str, Any]:
    lines = [{"at": "2031-05-04T12:00:00Z", "level": "INFO", "stream": "stdout", "message": m} for m in messages]
    return {**lease, "kind": "LOG", "sequence": sequence, "lines": lines}


class Follower:
    """Reads a followed log in the background."""

    def __init__(self, api: Api, task_id: str, cursor: str | None = None) -> None:
        self.lines: list[dict[str, Any]] = []
        self._came = asyncio.Event()
        self._reading = asyncio.create_task(self._read(api, task_id, {"cursor": cursor} if cursor else {}))

    @property
    def messages(self) -> list[str]:
        return [line["message"] for line in self.lines]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(SOON):
            while len(self.lines) < count:
                await self._came.wait()
                self._came.clear()

    async def until_end(self) -> None:
        async with asyncio.timeout(SOON):
            await self._reading

    async def hang_up(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, api: Api, task_id: str, query: dict[str, str]) -> None:
        path = f"/api/v1/tasks/{task_id}/logs"
        async with api.http.stream("GET", path, params={"follow": "true"} | query) as answer:
            assert answer.headers["content-type"] == "application/x-ndjson"
            async for text in answer.aiter_lines():
                if text:
                    self.lines.append(msgspec.json.decode(text))
                    self._came.set()


async def test_a_followed_log_comes_as_it_is_written_and_ends_with_its_task(api: Api) -> None:
    lease = await held_task(api)
    await api.report(log(lease, 1, "before"))
    follower = Follower(api, lease["taskId"])
    await follower.until(1)
    await api.report(log(lease, 2, "during", "and on"))
    await follower.until(3)
    await api.report(log(lease, 3, "last words"), {**lease, "kind": "COMPLETE"})
    await follower.until_end()
    assert follower.messages == ["before", "during", "and on", "last words"]


async def test_the_log_of_a_task_that_has_ended_is_given_whole(api: Api) -> None:
    lease = await held_task(api)
    await api.report(log(lease, 1, *(str(n) for n in range(450))), {**lease, "kind": "COMPLETE"})
    follower = Follower(api, lease["taskId"])
    await follower.until_end()
    assert follower.messages == [str(n) for n in range(450)]


async def test_a_follower_that_was_cut_off_goes_on_after_its_last_cursor(api: Api, wake_up: WatchedWakeUp) -> None:
    lease = await held_task(api)
    await api.report(log(lease, 1, "one", "two"))
    first = Follower(api, lease["taskId"])
    await first.until(2)
    await first.hang_up()
    await wake_up.until_listening(0)
    await api.report(log(lease, 2, "three"), {**lease, "kind": "COMPLETE"})
    second = Follower(api, lease["taskId"], first.lines[-1]["cursor"])
    await second.until_end()
    assert second.messages == ["three"]


async def test_a_drain_ends_a_followed_log(api: Api, container: Container, wake_up: WatchedWakeUp) -> None:
    lease = await held_task(api)
    follower = Follower(api, lease["taskId"])
    await wake_up.until_listening(1)
    container.draining().begin()
    await follower.until_end()


async def test_a_waiting_claim_is_answered_when_a_task_comes(api: Api, wake_up: WatchedWakeUp) -> None:
    await api.create_job()
    await api.register()
    claim = asyncio.create_task(api.claim(wait="PT1M"))
    await wake_up.until_listening(1)
    task = await api.post("/jobs/backup/trigger")
    async with asyncio.timeout(SOON):
        assert [item["taskId"] for item in (await claim)["tasks"]] == [task["id"]]


async def test_a_claim_for_orders_only_is_answered_by_a_cancel(api: Api, wake_up: WatchedWakeUp) -> None:
    lease = await held_task(api)
    claim = asyncio.create_task(api.claim(most=0, wait="PT1M"))
    await wake_up.until_listening(1)
    await api.post(f"/tasks/{lease['taskId']}/cancel")
    async with asyncio.timeout(SOON):
        answer = await claim
    assert (answer["tasks"], answer["cancel"]) == ([], [lease | {"reason": None}])


async def test_a_drain_ends_a_waiting_claim_empty_handed(
    api: Api, container: Container, wake_up: WatchedWakeUp
) -> None:
    await api.create_job()
    await api.register()
    claim = asyncio.create_task(api.claim(wait="PT1M"))
    await wake_up.until_listening(1)
    container.draining().begin()
    async with asyncio.timeout(SOON):
        assert await claim == {"tasks": [], "cancel": [], "outcomes": []}


async def test_a_claim_whose_executor_hung_up_takes_nothing(api: Api, wake_up: WatchedWakeUp) -> None:
    await api.create_job()
    await api.register()
    claim = asyncio.create_task(api.claim(wait="PT1M", claimId=str(uuid4())))
    await wake_up.until_listening(1)
    claim.cancel()
    await asyncio.gather(claim, return_exceptions=True)
    await wake_up.until_listening(0)
    task = await api.post("/jobs/backup/trigger")
    assert [item["taskId"] for item in (await api.claim())["tasks"]] == [task["id"]]


async def test_whoever_waits_for_a_task_hears_at_once_that_it_has_ended(api: Api, wake_up: WatchedWakeUp) -> None:
    lease = await held_task(api)
    path = f"/tasks/{lease['taskId']}?waitFor=TERMINAL"
    waiting = asyncio.create_task(api.call("GET", path, headers={"Prefer": "respond-async, wait=3600"}))
    await wake_up.until_listening(1)
    await api.report({**lease, "kind": "COMPLETE"})
    answer = await waiting
    assert answer.json()["status"] == "COMPLETED"
    assert answer.headers["preference-applied"] == "wait=60"
    assert (await api.get(path))["status"] == "COMPLETED"


async def test_when_the_wait_is_over_the_answer_is_the_task_as_it_is(api: Api) -> None:
    lease = await held_task(api)
    path = f"/tasks/{lease['taskId']}?waitFor=TERMINAL"
    assert (await api.call("GET", path, headers={"Prefer": "wait=0"})).json()["status"] == "RUNNING"
    assert (await api.refusal("GET", f"/tasks/{lease['taskId']}?waitFor=SUNDAY"))["status"] == 400
    assert (await api.refusal("GET", f"/tasks/{uuid4()}?waitFor=TERMINAL"))["code"] == "TASK_NOT_FOUND"


async def test_a_waiter_that_hangs_up_or_a_server_that_drains_ends_the_wait(
    api: Api, container: Container, wake_up: WatchedWakeUp
) -> None:
    lease = await held_task(api)
    path = f"/tasks/{lease['taskId']}?waitFor=TERMINAL"
    hanging_up = asyncio.create_task(api.call("GET", path))
    await wake_up.until_listening(1)
    hanging_up.cancel()
    await wake_up.until_listening(0)
    waiting = asyncio.create_task(api.call("GET", path))
    await wake_up.until_listening(1)
    container.draining().begin()
    assert (await waiting).json()["status"] == "RUNNING"
