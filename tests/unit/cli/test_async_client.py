"""The client that awaits does what the one that blocks does."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from scheduler_sdk.async_client import AsyncClient
from scheduler_sdk.client import Client
from scheduler_sdk.client_errors import ApiError, Unreachable
from tests.unit.cli.fake_scheduler import Cut, FakeScheduler
from tests.unit.cli.test_client import closed_port, log_line

SCRIPT = Path(__file__).parents[3] / "scripts" / "async_client.py"


@pytest.fixture
async def client(server: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server) as client:
        yield client


def test_it_is_what_its_definition_makes() -> None:
    spec = importlib.util.spec_from_file_location("async_client", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    def defined(text: str) -> list[str]:
        return [ast.dump(node) for node in ast.parse(text).body if not isinstance(node, ast.ImportFrom)]

    for source, target in script.PAIRS:
        made = defined(script.twin(source.read_text()))
        assert defined(target.read_text()) == made, f"{source.name} has changed: run python scripts/async_client.py"


async def test_pages_are_fetched_as_they_are_read(client: AsyncClient, fake: FakeScheduler) -> None:
    fake.jobs = {f"job-{n}": {"name": f"job-{n}", "tags": []} for n in range(250)}
    assert [job["name"] async for job in client.jobs()] == list(fake.jobs)
    assert len(fake.requests) == 2


async def test_calls_are_answered_or_refused(client: AsyncClient, fake: FakeScheduler) -> None:
    applied = await client.apply([{"name": "x", "type": "COMMAND"}])
    assert [each["action"] for each in applied] == ["CREATED"]
    assert (await client.pause("x", reason="why"))["statusReason"] == "why"
    assert (await client.trigger("x"))["id"] == "task-1"
    assert len(await client.next_fires("x", count=3)) == 3
    with pytest.raises(ApiError) as raised:
        await client.job("y")
    assert raised.value.status == 404
    async with AsyncClient(f"127.0.0.1:{closed_port()}") as nowhere:
        with pytest.raises(Unreachable, match="connection refused"):
            await nowhere.job("x")


async def test_a_log_is_followed_through_a_connection_that_drops(client: AsyncClient, fake: FakeScheduler) -> None:
    lines = [log_line(str(n), cursor=f"c{n}") for n in range(4)]

    def cut() -> Iterator[Any]:
        yield from lines[:2]
        raise Cut

    fake.tasks["t"] = {"id": "t", "status": "COMPLETED"}
    fake.streams = [cut, lambda: iter(lines[2:])]
    assert [line["message"] async for line in client.task_logs("t", follow=True)] == ["0", "1", "2", "3"]


def ending_at_the_third_look(fake: FakeScheduler) -> None:
    looks = count(1)
    fake.routes["GET /tasks/t"] = lambda _: (200, {"id": "t", "status": "FAILED" if next(looks) >= 3 else "RUNNING"})


async def test_a_task_is_waited_for(client: AsyncClient, fake: FakeScheduler) -> None:
    ending_at_the_third_look(fake)
    assert (await client.wait("t", timeout=60))["status"] == "FAILED"
    fake.tasks["u"] = {"id": "u", "status": "CANCELLED", "stopping": True}
    with pytest.raises(TimeoutError, match="task u has not ended in time"):
        await client.wait("u", timeout=0.0)


def test_the_client_that_blocks_waits_too(server: str, fake: FakeScheduler) -> None:
    ending_at_the_third_look(fake)
    with Client(server) as client:
        assert client.wait("t", timeout=60)["status"] == "FAILED"
        fake.routes["GET /tasks/t"] = lambda _: (200, {"id": "t", "status": "RUNNING"})
        with pytest.raises(TimeoutError):
            client.wait("t", timeout=0.0)
