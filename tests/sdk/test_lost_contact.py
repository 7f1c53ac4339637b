"""A server that cannot be reached is waited for; nothing that happened meanwhile is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scheduler_sdk.errors import Unavailable
from scheduler_sdk.protocol import backoff, link
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer


async def test_a_worker_may_start_before_the_server(
    server: FakeServer, crew: Crew, messages: Callable[[], list[str]]
) -> None:
    await server.stop()
    worker = crew.worker(commands=True)
    crew.begin(worker)
    await server.until(lambda: any("no contact" in message for message in messages()))
    await server.start()
    task = await server.command(["true"])
    await server.ended(task)
    assert sum("no contact" in message for message in messages()) == 1
    assert sum("answers again after" in message for message in messages()) == 1


async def test_a_worker_can_be_stopped_before_it_has_found_the_server(
    server: FakeServer, crew: Crew, messages: Callable[[], list[str]]
) -> None:
    await server.stop()
    worker = crew.worker(commands=True)
    crew.begin(worker)
    await server.until(lambda: any("no contact" in message for message in messages()))
    await crew.end(worker)
    assert not worker.ready.is_set()


async def test_what_ends_while_the_server_is_away_is_reported_when_it_is_back(
    server: FakeServer, crew: Crew, messages: Callable[[], list[str]], tmp_path: Path
) -> None:
    tasks = [
        await server.command(f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; seq 1 300; exit {number % 2}")
        for number in range(6)
    ]
    server.heartbeat_seconds = 0.05
    await crew.start()
    await server.until(lambda: all(task.status == "RUNNING" for task in tasks))
    await server.stop()
    (tmp_path / "go").touch()
    await server.until(lambda: any("no contact" in message for message in messages()))
    await server.start()
    await server.ended(*tasks)
    assert [task.status for task in tasks] == ["COMPLETED", "FAILED"] * 3
    for task in tasks:
        assert task.output == [str(number) for number in range(1, 301)]
        assert task.attempts == 1
    await server.until(lambda: any("answers again after" in message for message in messages()))
    assert sum("no contact" in message for message in messages()) == 1
    assert len(server.bodies("register")) == 1


async def test_a_single_failure_is_not_worth_a_line(
    server: FakeServer, crew: Crew, messages: Callable[[], list[str]]
) -> None:
    server.fail_next("register", "drop")
    server.fail_next("claim", 503)
    await crew.start()
    task = await server.command(["true"])
    await server.ended(task)
    assert [message for message in messages() if "contact" in message] == []


async def test_an_answer_that_never_comes_is_given_up(
    server: FakeServer, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler_sdk.protocol.session.ANSWER_WITHIN", 0.1)
    server.fail_next("register", "hang", "hang")
    await crew.start()
    assert server.count("register") == 3


async def test_a_port_that_speaks_something_else_is_named(
    server: FakeServer, crew: Crew, messages: Callable[[], list[str]]
) -> None:
    server.fail_next("register", *["no-json"] * 3)
    await crew.start()
    assert f"no contact with the server {server.url}: the answer is not a scheduler's" in messages()[0]


async def test_a_redirect_is_not_followed(server: FakeServer, crew: Crew) -> None:
    server.fail_next("register", 302, 307)
    await crew.start()
    assert server.count("register") == 3


async def test_the_server_may_ask_for_a_pause() -> None:
    refusal = link._refusal(429, b'{"detail": "slow down"}', "7")
    assert isinstance(refusal, Unavailable)
    assert (str(refusal), refusal.retry_after) == ("HTTP 429, slow down", 7.0)
    assert backoff.pause(1, refusal.retry_after) == 7.0
    assert backoff.pause(1, 1000.0) == 30.0


def test_pauses_grow_to_five_seconds_and_differ() -> None:
    pauses = [[backoff.pause(failures) for _ in range(50)] for failures in (1, 2, 5, 100)]
    for seconds, most in zip(pauses, (0.1, 0.2, 1.6, 5.0), strict=True):
        assert most / 2 <= min(seconds) <= max(seconds) <= most
        assert len(set(seconds)) > 10


async def test_a_call_that_fails_alone_is_named_once_and_contact_is_not_lost_again(
    server: FakeServer, crew: Crew, monkeypatch: pytest.MonkeyPatch, messages: Callable[[], list[str]]
) -> None:
    monkeypatch.setattr(backoff, "LONGEST", 0.1)
    server.heartbeat_seconds = 0.02
    server.down = {"claim"}
    worker = await crew.start()
    await server.until(lambda: server.count("claim") > link.LASTING + 5)
    named = [message for message in messages() if "but not to" in message]
    path = f"/api/v1/cluster/executors/{worker.executor_id}/claim"
    assert named == [f"the server answers, but not to {path}: HTTP 503, the store is away; trying again"]
    assert sum("no contact" in message for message in messages()) <= 1
    server.down = set()
    task = await server.command(["true"])
    await server.ended(task)
