"""Webhooks over REST, and what a receiver that listens on a real port gets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from dependency_injector import providers

from application.notifications import carrier
from bootstrap import sinks
from bootstrap.container import Container
from bootstrap.settings import Settings
from infrastructure.time_zones import pin_time_zones
from tests.integration.rest.api import Api


@dataclass
class Receiver:
    """Answers with `answers`, the last of them for ever, and keeps what came."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [204])
    headers: Mapping[str, str] = field(default_factory=dict)
    came: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.came]

    async def handle(self, request: web.Request) -> web.Response:
        self.came.append((request.headers, await request.read()))
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, headers=self.headers)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    received = Receiver()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", received.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    received.url = "http://127.0.0.1:{1}/hook".format(*runner.addresses[0][:2])
    yield received
    await runner.cleanup()


@pytest.fixture
async def container(store_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Container]:
    """One that calls loopback, too, and does not wait between attempts."""
    monkeypatch.setattr(carrier, "wait_after_refusal", lambda _: 0.0)
    monkeypatch.setattr(carrier, "wait_after_silence", lambda _: 0.0)
    monkeypatch.setattr(sinks, "REREAD_SECONDS", 0.0)
    pin_time_zones()
    container = Container(settings=providers.Object(Settings(database_url=store_url, private_webhooks=True)))
    yield container
    await container.relay().close()
    await container.sinks().close()
    await container.store().dispose()


async def carry(container: Container, until: Callable[[], object] = lambda: True) -> None:
    """What the relay's loop does, until something is so."""
    async with asyncio.timeout(20):
        while True:
            await container.relay().tick()
            await container.relay().settled()
            if until():
                return
            await asyncio.sleep(0.01)


async def fail(api: Api, job: str) -> None:
    """A run of the job that fails for good."""
    await api.post(f"/jobs/{job}/trigger")
    (item,) = (await api.claim())["tasks"]
    error = {"code": "DISK_FULL", "message": "no space left"}
    lease = {"taskId": item["taskId"], "token": item["token"]}
    await api.report({**lease, "kind": "FAIL", "error": error})


def signature(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


async def ready(api: Api, *jobs: str) -> None:
    await api.register()
    for job in jobs or ("backup",):
        await api.create_job(job, retry={"maxAttempts": 1})


async def test_a_failure_arrives_signed_and_success_does_not(
    api: Api, container: Container, receiver: Receiver
) -> None:
    await ready(api)
    made = await api.post("/webhooks", {"name": "on-call", "url": receiver.url})
    assert made["events"] == [
        "TaskFailed", "TaskTimedOut", "OccurrenceDecided:MISSED", "ScheduleHealthChanged:OVERDUE",
    ]  # fmt: skip
    await fail(api, "backup")
    await carry(container, lambda: receiver.came)
    ((headers, body),) = receiver.came
    event = json.loads(body)
    assert (event["type"], event["data"]["jobName"], event["specversion"]) == ("TaskFailed", "backup", "1.0")
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert headers["webhook-signature"] == signature(made["secret"], headers, body)
    await carry(container)
    assert len(receiver.came) == 1


async def test_a_secret_is_shown_once_and_replaced_without_a_gap(
    api: Api, container: Container, receiver: Receiver
) -> None:
    await ready(api)
    first = (await api.post("/webhooks", {"name": "on-call", "url": receiver.url}))["secret"]
    assert "secret" not in await api.get("/webhooks/on-call")
    assert "secret" not in (await api.get("/webhooks"))["items"][0]
    changed = await api.post("/webhooks/on-call/rotate-secret")
    assert changed["secret"] != first
    assert changed["previousSecretUntil"] is not None
    await fail(api, "backup")
    await carry(container, lambda: receiver.came)
    ((headers, body),) = receiver.came
    signatures = [signature(secret, headers, body) for secret in (changed["secret"], first)]
    assert headers["webhook-signature"].split() == signatures
    stored = json.dumps([await api.get("/webhooks"), await api.get("/sinks")])
    assert first not in stored
    assert changed["secret"] not in stored


async def test_a_webhook_of_a_job_is_told_of_that_job_and_of_the_events_that_it_names(
    api: Api, container: Container, receiver: Receiver
) -> None:
    await ready(api, "mine", "other")
    wanted = ["JobPaused", "TaskFailed"]
    made = await api.post("/webhooks", {"name": "w", "url": receiver.url, "job": "mine", "events": wanted})
    assert (made["events"], made["jobId"]) == (wanted, (await api.get("/jobs/mine"))["id"])
    await fail(api, "other")
    await fail(api, "mine")
    for job in ("other", "mine"):
        await api.post(f"/jobs/{job}/pause")
    await carry(container, lambda: len(receiver.came) >= 2)
    assert [(e["type"], e["data"]["jobName"]) for e in receiver.events] == [
        ("TaskFailed", "mine"),
        ("JobPaused", "mine"),
    ]


@pytest.mark.parametrize("status", [400, 302, 500])
async def test_what_is_refused_five_times_is_a_dead_letter_and_can_be_sent_again(
    api: Api, container: Container, receiver: Receiver, status: int
) -> None:
    await ready(api)
    sink = (await api.post("/webhooks", {"name": "w", "url": receiver.url}))["sink"]
    receiver.answers, receiver.headers = [status], {"Location": "/elsewhere"} if status == 302 else {}
    await fail(api, "backup")
    await carry(container, lambda: len(receiver.came) == 5)
    await carry(container)
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    (letter,) = (await api.get(f"/sinks/{sink}/dead-letters"))["items"]
    assert f"answers with {status}" in letter["error"]
    receiver.answers = [200]
    assert await api.post(f"/sinks/{sink}/dead-letters/redrive") == {"count": 1}
    await carry(container, lambda: len(receiver.came) == 6)
    assert (await api.get(f"/sinks/{sink}/dead-letters"))["items"] == []


async def test_a_receiver_that_is_busy_is_waited_for(api: Api, container: Container, receiver: Receiver) -> None:
    await ready(api)
    sink = (await api.post("/webhooks", {"name": "w", "url": receiver.url}))["sink"]
    receiver.answers = [503] * 8 + [204]
    await fail(api, "backup")
    await carry(container, lambda: len(receiver.came) == 9)
    await carry(container)
    (shown,) = [each for each in (await api.get("/sinks"))["items"] if each["name"] == sink]
    assert (shown["deadLetters"], shown.get("error")) == (0, None)


async def test_what_happens_before_the_relay_knows_the_webhook_is_sent(
    api: Api, container: Container, receiver: Receiver
) -> None:
    await ready(api)
    await api.post("/webhooks", {"name": "w", "url": receiver.url})
    await fail(api, "backup")
    await carry(container, lambda: receiver.came)
    assert len(receiver.came) == 1


async def test_a_webhook_that_is_deleted_is_sent_nothing_and_leaves_nothing(
    api: Api, container: Container, receiver: Receiver
) -> None:
    await ready(api)
    made = await api.post("/webhooks", {"name": "w", "url": receiver.url})
    answer = await api.call("DELETE", "/webhooks/w")
    assert (answer.status_code, answer.json()["name"]) == (200, "w")
    await fail(api, "backup")
    await carry(container)
    assert receiver.came == []
    assert (await api.get("/sinks"))["items"] == []
    again = await api.post("/webhooks", {"name": "w", "url": receiver.url})
    assert again["sink"] != made["sink"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "W!", "url": "https://a.example"}, "INVALID_NAME"),
        ({"name": "w", "url": "ftp://a.example"}, "INVALID_URL"),
        ({"name": "w", "url": "https://"}, "INVALID_URL"),
        ({"name": "w", "url": "https://u:p@a.example"}, "INVALID_URL"),
        ({"name": "w", "url": "https://a.example/ b"}, "INVALID_URL"),
        ({"name": "w", "url": "https://a.example:99999"}, "INVALID_URL"),
        ({"name": "w", "url": "https://[::1"}, "INVALID_URL"),
        ({"name": "w", "url": "https://a.example/#x"}, "INVALID_URL"),
        ({"name": "w", "url": "https://a.example", "events": []}, "INVALID_EVENTS"),
        ({"name": "w", "url": "https://a.example", "events": ["TaskFailed", "Nothing"]}, "UNKNOWN_EVENT_TYPE"),
        ({"name": "w", "url": "https://a.example", "events": ["TaskFailed:"]}, "INVALID_EVENT_PATTERN"),
    ],
)
async def test_what_cannot_be_told_is_refused(api: Api, body: dict[str, Any], code: str) -> None:
    problem = await api.refusal("POST", "/webhooks", body)
    assert (problem["status"], [error["code"] for error in problem["errors"]]) == (422, [code])


async def test_names_are_unique_and_unknown_ones_are_not_found(api: Api) -> None:
    body = {"name": "w", "url": "https://a.example"}
    await api.post("/webhooks", body)
    assert (await api.refusal("POST", "/webhooks", body))["code"] == "WEBHOOK_NAME_TAKEN"
    assert (await api.refusal("POST", "/webhooks", {**body, "name": "v", "job": "none"}))["code"] == "JOB_NOT_FOUND"
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate-secret")):
        assert (await api.refusal(method, f"/webhooks/none{path}"))["code"] == "WEBHOOK_NOT_FOUND"
