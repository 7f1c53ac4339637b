"""The commands about sinks of events and their dead letters."""

from __future__ import annotations

from typing import Any

from scheduler_sdk.async_client import AsyncClient
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler

STREAM: dict[str, Any] = {
    "name": "redis-stream",
    "lagSeconds": 12.4,
    "deadLetters": 2,
    "lost": 0,
    "error": "Redis is away.",
    "errorSince": "2027-03-28T01:10:00Z",
}
LETTER: dict[str, Any] = {
    "id": "l-1",
    "event": {"type": "TaskFailed", "subject": "task-7"},
    "error": "too large",
    "diedAt": "2027-03-28T01:10:00Z",
    "due": False,
}
LETTERS = "/sinks/redis-stream/dead-letters"


def test_sinks_are_listed_with_what_they_are_stuck_at(run: Run, fake: FakeScheduler) -> None:
    fake.routes["GET /sinks"] = lambda _: (200, {"items": [STREAM], "nextCursor": None})
    heading, line = run("sinks", "list").stdout.splitlines()
    assert heading.split() == ["SINK", "LATE", "DEAD", "LOST", "STUCK", "SINCE", "AT"]
    assert line.split() == ["redis-stream", "12s", "2", "0", "2027-03-28T01:10:00Z", "Redis", "is", "away."]


def test_dead_letters_are_listed_with_why_they_were_refused(run: Run, fake: FakeScheduler) -> None:
    fake.routes[f"GET {LETTERS}"] = lambda _: (200, {"items": [LETTER], "nextCursor": None})
    line = run("sinks", "dead-letters", "redis-stream").stdout.splitlines()[1]
    assert line.split() == ["l-1", "TaskFailed", "task-7", "2027-03-28T01:10:00Z", "no", "too", "large"]


def test_letters_are_sent_again_some_or_all(run: Run, fake: FakeScheduler) -> None:
    fake.routes[f"POST {LETTERS}/redrive"] = lambda _: (200, {"count": 2})
    assert run("sinks", "redrive", "redis-stream").stdout == "2 are sent again\n"
    assert fake.requests[-1].body == {}
    run("sinks", "redrive", "redis-stream", "l-1", "l-2")
    assert fake.requests[-1].body == {"ids": ["l-1", "l-2"]}


def test_all_are_thrown_away_only_when_that_is_said(run: Run, fake: FakeScheduler) -> None:
    fake.routes[f"POST {LETTERS}/purge"] = lambda _: (200, {"count": 1})
    assert run("sinks", "purge", "redis-stream").exit_code == 2
    assert run("sinks", "purge", "redis-stream", "l-1", "--all").exit_code == 2
    assert fake.requests == []
    assert run("sinks", "purge", "redis-stream", "l-1").stdout == "1 are thrown away\n"
    assert fake.requests[-1].body == {"ids": ["l-1"]}
    run("sinks", "purge", "redis-stream", "--all")
    assert fake.requests[-1].body == {}


async def test_code_that_awaits_does_the_same(fake: FakeScheduler, server: str) -> None:
    fake.routes["GET /sinks"] = lambda _: (200, {"items": [STREAM], "nextCursor": None})
    fake.routes[f"GET {LETTERS}"] = lambda _: (200, {"items": [LETTER], "nextCursor": None})
    fake.routes[f"POST {LETTERS}/purge"] = lambda _: (200, {"count": 3})
    async with AsyncClient(server) as client:
        assert await client.sinks() == [STREAM]
        assert [letter["id"] async for letter in client.dead_letters("redis-stream")] == ["l-1"]
        assert await client.purge_dead_letters("redis-stream") == 3
