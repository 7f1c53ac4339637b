"""Deliveries of webhooks: which addresses are called, and what becomes of each answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiohttp import web

from domain.notifications.message import Message, Position
from domain.notifications.sink import MessageRefused, SinkUnavailable
from domain.notifications.webhook import Webhook
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.clock import SystemClock
from infrastructure.webhooks.sender import WebhookSender
from infrastructure.webhooks.signature import new_secret, signed_headers
from scheduler_sdk.job_types.addresses import is_public
from scheduler_sdk.webhooks import NotGenuine, verify
from tests.processes import free_port

SECRET = new_secret()
MESSAGE = Message(
    position=Position(7, 1),
    tenant=DEFAULT_TENANT,
    context="scheduling",
    type="TaskFailed",
    occurred_at=datetime(2031, 5, 4, 12, tzinfo=UTC),
    data={"jobName": "backup"},
)


def webhook(url: str) -> Webhook:
    return Webhook(id=UUID(int=1), tenant=DEFAULT_TENANT, name="w", url=url, secret=SECRET)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Of a receiver that verifies what comes, and answers with the status that the path names."""

    async def answer(request: web.Request) -> web.Response:
        assert verify(SECRET, request.headers, await request.read()) == "evt_7_1"
        headers = {"Retry-After": "30", "Location": "/204", "Set-Cookie": "a=b"}
        return web.Response(status=int(request.match_info["status"]), headers=headers)

    application = web.Application()
    application.router.add_post("/{status}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
async def sender() -> AsyncIterator[WebhookSender]:
    made = WebhookSender(SystemClock(), is_public, allow_private=True)
    yield made
    await made.close()


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_what_is_answered_with_2xx_has_arrived(sender: WebhookSender, port: int, status: int) -> None:
    await sender.send(webhook(f"http://127.0.0.1:{port}/{status}"), MESSAGE)


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410, 500])
async def test_what_is_answered_otherwise_is_refused_and_no_redirect_is_followed(
    sender: WebhookSender, port: int, status: int
) -> None:
    with pytest.raises(MessageRefused, match=f"answers with {status}"):
        await sender.send(webhook(f"http://127.0.0.1:{port}/{status}"), MESSAGE)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_who_is_busy_is_waited_for_as_long_as_it_asks(sender: WebhookSender, port: int, status: int) -> None:
    with pytest.raises(SinkUnavailable) as told:
        await sender.send(webhook(f"http://127.0.0.1:{port}/{status}"), MESSAGE)
    assert told.value.after == 30


async def test_who_cannot_be_reached_is_waited_for(sender: WebhookSender) -> None:
    with pytest.raises(SinkUnavailable, match="cannot be called"):
        await sender.send(webhook(f"http://127.0.0.1:{free_port()}/"), MESSAGE)


async def test_who_does_not_answer_is_waited_for(
    sender: WebhookSender, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.webhooks.sender.SECONDS", 0.0001)
    with pytest.raises(SinkUnavailable, match="did not answer"):
        await sender.send(webhook(f"http://127.0.0.1:{port}/200"), MESSAGE)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_addresses_that_are_not_public_are_not_called(host: str, port: int) -> None:
    sender = WebhookSender(SystemClock(), is_public, allow_private=False)
    with pytest.raises(SinkUnavailable, match=r"webhooks\.allow-private"):
        await sender.send(webhook(f"http://{host}:{port}/200"), MESSAGE)
    await sender.close()


def test_signatures_are_those_of_standard_webhooks() -> None:
    """A vector of its reference implementation."""
    body, secret = b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, [secret])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert verify(secret, headers, body, now=1614265330) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_a_receiver_believes_nobody_else() -> None:
    body, sent = b"{}", 1_900_000_000
    headers = signed_headers("evt_1_0", sent, body, [new_secret(), SECRET])
    assert verify(SECRET, headers, body, now=sent + 299) == "evt_1_0"
    assert verify(SECRET, {name.upper(): value for name, value in headers.items()}, body, now=sent) == "evt_1_0"
    for given, text, now in (
        (headers, b"{ }", sent),
        (headers, body, sent + 301),
        (headers, body, sent - 301),
        ({**headers, "webhook-id": "evt_2_0"}, body, sent),
        ({**headers, "webhook-timestamp": str(sent + 1)}, body, sent),
        ({**headers, "webhook-timestamp": "soon"}, body, sent),
        ({**headers, "webhook-signature": "v1,"}, body, sent),
        ({}, body, sent),
    ):
        with pytest.raises(NotGenuine):
            verify(SECRET, given, text, now=now)
    with pytest.raises(ValueError, match="no secret"):
        verify("whsec_!", headers, body, now=sent)
