"""Commands about webhooks, and the page that tells of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from infrastructure.webhooks.signature import signed_headers
from scheduler_sdk.async_client import AsyncClient
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "be-told-of-failures.md"
HOOK = {"name": "on-call", "url": "https://a.example", "events": ["TaskFailed"], "sink": "webhook-1"}
SECRET = "whsec_" + "YWJj" * 8


def test_a_webhook_is_made_and_its_secret_shown(fake: FakeScheduler, run: Run) -> None:
    fake.routes["POST /webhooks"] = lambda _: (201, {**HOOK, "secret": SECRET})
    made = run("webhooks", "create", "on-call", "https://a.example", "--event", "TaskFailed", "--job", "backup")
    assert made.exit_code == 0
    assert SECRET in made.output
    assert fake.requests[-1].body == {
        "name": "on-call", "url": "https://a.example", "events": ["TaskFailed"], "job": "backup",
    }  # fmt: skip
    assert run("-o", "name", "webhooks", "create", "on-call", "https://a.example").output == f"{SECRET}\n"
    assert fake.requests[-1].body == {"name": "on-call", "url": "https://a.example"}


def test_webhooks_are_listed_rotated_and_deleted(fake: FakeScheduler, run: Run) -> None:
    fake.routes["GET /webhooks"] = lambda _: (200, {"items": [HOOK], "nextCursor": None})
    fake.routes["POST /webhooks/on-call/rotate-secret"] = lambda _: (200, {**HOOK, "secret": SECRET})
    fake.routes["DELETE /webhooks/on-call"] = lambda _: (200, HOOK)
    assert "on-call" in run("webhooks", "list").output
    assert SECRET in run("webhooks", "rotate-secret", "on-call").output
    assert "told of nothing" in run("webhooks", "delete", "on-call").output


async def test_the_client_that_awaits_calls_the_same(fake: FakeScheduler, server: str) -> None:
    fake.routes["GET /webhooks"] = lambda _: (200, {"items": [HOOK], "nextCursor": None})
    fake.routes["GET /webhooks/on-call"] = lambda _: (200, HOOK)
    async with AsyncClient(server) as client:
        assert await client.webhooks() == [HOOK]
        assert await client.webhook("on-call") == HOOK


def test_the_receiver_of_the_page_believes_what_is_genuine_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    (receiver,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    monkeypatch.setattr("time.time", lambda: 1_900_000_000.0)
    body = b'{"type":"TaskFailed","data":{"jobName":"backup"}}'
    found: dict[str, Any] = {}
    exec(receiver, found)
    genuine = signed_headers("evt_1_0", 1_900_000_000, body, [SECRET])
    assert found["receive"](genuine, body) == 204
    assert found["receive"](genuine, body + b" ") == 400
