"""Callers that hang up while they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar import Request

Answer = TypeVar("Answer")


async def unless_hung_up(request: Request[Any, Any, Any], work: Coroutine[Any, Any, Answer]) -> Answer | None:
    """What `work` returns; it is cancelled, and the answer is None, when the caller hangs up before.

    Servers do not tell handlers by themselves, and a claim that nobody waits for would still take tasks: they would
    be missed only by the heartbeats. The body must have been read.
    """
    working = asyncio.ensure_future(work)
    listening = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait((working, listening), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, listening):
            task.cancel()
        await asyncio.gather(working, listening, return_exceptions=True)


async def _hung_up(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
