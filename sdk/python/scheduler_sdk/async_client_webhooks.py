"""What the client that awaits can do with webhooks. Made by scripts/async_client.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from scheduler_sdk.client_calls import Call
from scheduler_sdk.cluster_shapes import Webhook
from scheduler_sdk.shapes import Page

T = TypeVar("T")


class AsyncWebhookCalls:
    """A part of `Client`."""

    async def webhooks(self) -> list[Webhook]:
        """Who is told of what, by name."""
        call: Call[Page[Webhook]] = Call("GET", "/webhooks")
        return (await self._send(call))["items"]

    async def webhook(self, name: str) -> Webhook:
        """One of them."""
        call: Call[Webhook] = Call("GET", _path(name))
        return await self._send(call)

    async def create_webhook(
        self, name: str, url: str, *, events: Sequence[str] | None = None, job: str | None = None
    ) -> Webhook:
        """Tells an address of events, by default of what goes wrong; the answer alone has the `secret`.

        `webhooks.verify` tells the receiver whether what comes is genuine.
        """
        wish: dict[str, Any] = {"name": name, "url": url, "events": events, "job": job}
        body = {name: value for name, value in wish.items() if value is not None}
        call: Call[Webhook] = Call("POST", "/webhooks", body=body)
        return await self._send(call)

    async def rotate_webhook_secret(self, name: str) -> Webhook:
        """A new `secret`, which only this answer has; for a day the one before signs as well."""
        call: Call[Webhook] = Call("POST", f"{_path(name)}/rotate-secret")
        return await self._send(call)

    async def delete_webhook(self, name: str) -> Webhook:
        """Sends nothing any more, and throws its dead letters away."""
        call: Call[Webhook] = Call("DELETE", _path(name))
        return await self._send(call)

    @abstractmethod
    async def _send(self, call: Call[T]) -> T: ...


def _path(name: str) -> str:
    return f"/webhooks/{quote(name, safe='')}"
