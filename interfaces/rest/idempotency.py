"""`Idempotency-Key`: a request that is sent again is answered again, and takes effect once."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from application.shared.principal import LOCAL
from application.shared.repeats import Answer, Repeats, RequestKey
from interfaces.rest.parameters import invalid

ONCE = "once"
"""In a handler's `opt`: it takes an `Idempotency-Key`."""

NAME = "Idempotency-Key"
ABOUT = "A name for this request, unique for 24 hours: sent again under it, it is answered again and done once."
PATTERN = r"^[\x21-\x7e]{1,255}$"

REPLAYED = (b"idempotency-replayed", b"true")
_KEPT_HEADERS = frozenset({"content-type", "location", "etag"})
_KEY = re.compile(PATTERN)


class Idempotency:
    """Around the handlers that create or trigger. A refusal is forgotten: the mended request may have its key."""

    def __init__(self, app: ASGIApp, repeats: Repeats) -> None:
        self._app = app
        self._repeats = repeats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler: Any = scope.get("route_handler")
        takes_key = isinstance(handler, BaseRouteHandler) and handler.opt.get(ONCE)
        if scope["type"] != ScopeType.HTTP or not takes_key:
            await self._app(scope, receive, send)
            return
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        key = request.headers.get(NAME)
        if key is None:
            await self._app(scope, receive, send)
            return
        if not _KEY.fullmatch(key):
            raise invalid(NAME, "it is 1 to 255 printable characters of ASCII, without spaces")
        sent = RequestKey(principal=LOCAL, operation=handler.operation_id, key=key)
        earlier = await self._repeats.begin(sent, _fingerprint(request, await request.body()))
        if earlier is not None:
            await _replay(earlier, send)
            return
        kept = _Kept(send)
        await self._app(scope, receive, kept)
        if kept.status < 400:
            await self._repeats.answered(sent, kept.answer)
        elif kept.status < 500:
            await self._repeats.refused(sent)
        await kept.pass_on()


class _Kept:
    """Holds an answer back until it has been noted: whoever has heard it can rely on hearing the same again."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: list[Message] = []
        self.status = 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self._messages.append(message)

    @property
    def answer(self) -> Answer:
        headers: dict[str, str] = {}
        body = b""
        for message in self._messages:
            if message["type"] == "http.response.start":
                headers = {
                    name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
                }
            elif message["type"] == "http.response.body":
                body += message["body"]
        kept = {name: value for name, value in headers.items() if name in _KEPT_HEADERS}
        return Answer(status=self.status, headers=kept, body=body)

    async def pass_on(self) -> None:
        for message in self._messages:
            await self._send(message)


def _fingerprint(request: Request[Any, Any, Any], body: bytes) -> str:
    """Of all that decides what a request does."""
    parts = (request.scope["path"].encode(), request.scope["query_string"], body)
    return blake2b(b"".join(len(part).to_bytes(8, "big") + part for part in parts), digest_size=16).hexdigest()


async def _replay(answer: Answer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    length = (b"content-length", str(len(answer.body)).encode())
    await send({"type": "http.response.start", "status": answer.status, "headers": [*headers, length, REPLAYED]})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
