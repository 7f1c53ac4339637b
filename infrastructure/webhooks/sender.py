"""Deliveries over HTTP, and the sink that a webhook is."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from application.notifications.cloud_event import MEDIA_TYPE, encoded
from application.shared.clock import Clock
from domain.notifications.message import Message
from domain.notifications.ports.sink import Sink
from domain.notifications.sink import MessageRefused, SinkUnavailable
from domain.notifications.webhook import Webhook
from domain.shared.ids import TenantId
from infrastructure.webhooks.addresses import Addresses, AddressForbidden
from infrastructure.webhooks.signature import signed_headers

SECONDS: Final = 10.0
"""For all of a delivery; less than what the relay waits for a sink."""

_BUSY: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Answers that say nothing about the event: it is waited for the receiver."""

_LONGEST_REST: Final = 3600.0


class WebhookSender:
    """Connections are kept. No redirect is followed, no proxy is used, no cookie is kept.

    Without `allow_private` only addresses are called that `is_public` says are public ones: the one that was judged is
    the one that is connected to.
    """

    def __init__(self, clock: Clock, is_public: Callable[[str], bool], *, allow_private: bool) -> None:
        self._clock = clock
        self._addresses = None if allow_private else Addresses(is_public)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, webhook: Webhook, message: Message) -> None:
        """Returns when the receiver has answered with 2xx. Raises `SinkUnavailable`, `MessageRefused`."""
        host, body = urlsplit(webhook.url).hostname or "", encoded(message)
        now = self._clock.now()
        id_ = f"evt_{message.position.seq}_{message.position.index}"
        signed = signed_headers(id_, int(now.timestamp()), body, webhook.secrets_at(now))
        headers = {"Content-Type": MEDIA_TYPE, "User-Agent": "platform-scheduler", **signed}
        try:
            if self._addresses is not None:
                self._addresses.check(host)
            async with self._connected().post(webhook.url, data=body, headers=headers, allow_redirects=False) as answer:
                _judge(host, answer)
        except AddressForbidden as error:
            raise SinkUnavailable(str(error)) from None
        except TimeoutError:
            raise SinkUnavailable(f"{host} did not answer within {SECONDS:g} s") from None
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            raise SinkUnavailable(f"{host} cannot be called: {str(error) or type(error).__name__}") from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=self._addresses, limit_per_host=4),
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


class WebhookSink(Sink):
    """One delivery at a time, so that each one has its own attempts."""

    most = 1

    def __init__(self, webhook: Webhook, sender: WebhookSender) -> None:
        self._webhook = webhook
        self._sender = sender

    @property
    def name(self) -> str:
        return self._webhook.sink

    @property
    def tenant(self) -> TenantId | None:
        return self._webhook.tenant

    def wants(self, message: Message) -> bool:
        return self._webhook.wants(message)

    async def publish(self, messages: Sequence[Message]) -> None:
        for message in messages:
            await self._sender.send(self._webhook, message)


def _judge(host: str, answer: aiohttp.ClientResponse) -> None:
    if 200 <= answer.status < 300:
        return
    if answer.status in _BUSY:
        raise SinkUnavailable(f"{host} answers with {answer.status}", after=_rest(answer))
    redirects = "; redirects are not followed, name the address that it leads to" if 300 <= answer.status < 400 else ""
    raise MessageRefused(f"{host} answers with {answer.status}{redirects}")


def _rest(answer: aiohttp.ClientResponse) -> float | None:
    """The seconds of `Retry-After`; a date there is not worth the trouble."""
    text = answer.headers.get("Retry-After", "")
    return min(float(text), _LONGEST_REST) if text.isascii() and text.isdigit() and int(text) else None
