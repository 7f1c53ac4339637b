"""Locks around blocks of user code, and the commands that look at them."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from scheduler_sdk.async_client import AsyncClient
from scheduler_sdk.client import Client
from scheduler_sdk.client_errors import ApiError
from scheduler_sdk.locks import Held, LockLost, holding, holding_async
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler, Request, problem

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "share-a-lock.md"
HELD = {"name": "deploy", "token": 41, "owner": "ann", "permits": 1}


class FakeLock:
    """The lock `deploy`; refuses what the test says."""

    def __init__(self, fake: FakeScheduler, name: str = "deploy") -> None:
        self.acquired: list[dict[str, Any]] = []
        self.released: list[int] = []
        self.refusals: list[tuple[int, dict[str, Any]]] = []
        self.extended = threading.Event()
        self.lost = False
        fake.routes[f"POST /locks/{name}/acquire"] = self._acquire
        fake.routes[f"POST /locks/{name}/extend"] = self._extend
        fake.routes[f"POST /locks/{name}/release"] = self._release

    def _acquire(self, request: Request) -> tuple[int, Any]:
        self.acquired.append(request.body)
        return self.refusals.pop(0) if self.refusals else (200, HELD)

    def _extend(self, request: Request) -> tuple[int, Any]:
        self.extended.set()
        return (409, problem(409, "Lost", "Lost.", "LOCK_LOST")) if self.lost else (200, HELD)

    def _release(self, request: Request) -> tuple[int, Any]:
        self.released.append(request.body["token"])
        return 200, {"name": "deploy", "released": True}


def held_by_others() -> tuple[int, dict[str, Any]]:
    return 409, problem(409, "Held", "It is held by 'bob'.", "LOCK_HELD")


def test_the_block_runs_under_the_lock_and_gives_it_back(fake: FakeScheduler, server: str) -> None:
    lock = FakeLock(fake)
    with Client(server) as client, holding(client, "deploy", ttl=30, permits=2, owner="ann") as held:
        held.require()
        assert (held.token, held.is_lost, lock.released) == (41, False, [])
    (asked,) = lock.acquired
    assert (asked["owner"], asked["ttl"], asked["permits"], asked["wait"]) == ("ann", "PT30.000S", 2, "PT0.000S")
    assert lock.released == [41]


def test_the_lock_is_given_back_when_the_block_fails(fake: FakeScheduler, server: str) -> None:
    lock = FakeLock(fake)
    with Client(server) as client, pytest.raises(ZeroDivisionError), holding(client, "deploy"):
        raise ZeroDivisionError
    assert lock.released == [41]


def test_who_waits_for_longer_than_a_request_may_asks_again_as_the_same(fake: FakeScheduler, server: str) -> None:
    lock = FakeLock(fake)
    lock.refusals = [held_by_others(), held_by_others()]
    with Client(server) as client, holding(client, "deploy", wait=3600):
        pass
    assert len(lock.acquired) == 3
    assert len({asked["requestId"] for asked in lock.acquired}) == 1
    assert {asked["wait"] for asked in lock.acquired} == {"PT20.000S"}


def test_a_lock_that_others_keep_is_refused(fake: FakeScheduler, server: str) -> None:
    lock = FakeLock(fake)
    lock.refusals = [held_by_others()]
    with Client(server) as client, pytest.raises(ApiError, match="bob"), holding(client, "deploy"):
        raise AssertionError("the block must not run")


def test_a_lock_that_is_lost_is_noticed_inside_the_block(fake: FakeScheduler, server: str) -> None:
    lock = FakeLock(fake)
    lock.lost = True
    with Client(server) as client, holding(client, "deploy", ttl=0.03) as held:
        _until_lost(held)
        with pytest.raises(LockLost, match="'deploy'"):
            held.require()


def test_a_long_block_extends_its_lock(fake: FakeScheduler, server: str) -> None:
    lock = FakeLock(fake)
    with Client(server) as client, holding(client, "deploy", ttl=0.03) as held:
        assert lock.extended.wait(30)
        assert not held.is_lost


async def test_code_that_awaits_holds_alike(fake: FakeScheduler, server: str) -> None:
    lock = FakeLock(fake)
    lock.refusals = [held_by_others()]
    async with AsyncClient(server) as client, holding_async(client, "deploy", ttl=0.03, wait=60) as held:
        await asyncio.to_thread(lock.extended.wait, 30)
        assert (held.token, held.is_lost) == (41, False)
        lock.lost = True
        await asyncio.to_thread(_until_lost, held)
    assert (len(lock.acquired), lock.released) == (2, [41])


def _until_lost(held: Held) -> None:
    waiting = threading.Event()
    while not held.is_lost:
        waiting.wait(0.005)


def test_the_page_about_locks_shows_code_that_works(
    fake: FakeScheduler, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    FakeLock(fake, "deploy-shop")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(code.replace("http://127.0.0.1:8080", server), {})
    assert capsys.readouterr().out == "stop 41\nmigrate 41\nstart 41\n"


def test_locks_are_listed_with_their_holders(run: Run, fake: FakeScheduler) -> None:
    holders = [{"token": 41, "owner": "ann"}, {"token": 42, "owner": "bob"}]
    page = {"items": [{"name": "pool", "permits": 3, "free": 1, "holders": holders}], "nextCursor": None}
    fake.routes["GET /locks"] = lambda _: (200, page)
    assert run("locks", "list").stdout.splitlines() == [
        "LOCK  HELD  HOLDERS   TOKENS",
        "pool  2/3   ann, bob  41, 42",
    ]
    assert json.loads(run("locks", "list", "-o", "json").stdout)["items"] == page["items"]


def test_a_lock_is_freed_by_its_token(run: Run, fake: FakeScheduler) -> None:
    lock = FakeLock(fake)
    assert run("locks", "release", "deploy", "41").stdout == "deploy is released\n"
    assert lock.released == [41]
    fake.routes["POST /locks/deploy/release"] = lambda _: (200, {"name": "deploy", "released": False})
    assert run("locks", "release", "deploy", "42").stdout == "deploy was not held with token 42\n"


def test_a_stale_token_is_refused(fake: FakeScheduler, server: str) -> None:
    stale = problem(409, "Stale", "The resource has seen token 42.", "STALE_TOKEN")
    fake.routes["POST /fences/check"] = lambda request: (200, {}) if request.body["token"] == 42 else (409, stale)
    with Client(server) as client:
        client.check_fence("ledger", 42)
        with pytest.raises(ApiError, match="has seen token 42") as refused:
            client.check_fence("ledger", 41)
    assert refused.value.code == "STALE_TOKEN"
