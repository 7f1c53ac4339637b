"""A load balancer that does what networks do: it loses, cuts, delays and repeats requests and answers."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from random import Random

HEAD_END = b"\r\n\r\n"
LATEST = 3.0
"""Seconds by which a request, or its repetition, may be late."""


class Fate(Enum):
    """What becomes of a request."""

    PASSED = auto()
    LOST = auto()
    UNANSWERED = auto()
    CUT = auto()
    LATE = auto()
    REPEATED = auto()


CALM = (0.97, 0.005, 0.005, 0.005, 0.01, 0.005)
STORMY = (0.4, 0.1, 0.15, 0.1, 0.1, 0.15)
"""Shares of the fates."""


@dataclass
class Network:
    """What all proxies share: where nodes are, and how bad things are."""

    dice: Random
    nodes: Callable[[], Sequence[int]] = tuple
    stormy: bool = False

    def fate(self) -> Fate:
        shares = STORMY if self.stormy else CALM
        return self.dice.choices(list(Fate), shares)[0]


@dataclass
class Proxy:
    """One address in front of all nodes. HTTP/1.1, one request a connection."""

    network: Network
    partitioned: bool = False
    heard: list[datetime] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _later: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def address(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._later:
            task.cancel()

    def cut(self) -> None:
        """All connections, now."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                if not self.partitioned:
                    await self._answer(await _request(reader), reader, writer)
        finally:
            self._open.discard(writer)
            writer.transport.abort() if self.partitioned else writer.close()

    async def _answer(self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fate = self.network.fate()
        if fate is Fate.LOST:
            return
        if fate is Fate.LATE:
            await asyncio.sleep(self.network.dice.uniform(0, LATEST))
        hung_up = asyncio.create_task(reader.read(1))
        forwarding = asyncio.create_task(self._forward(request))
        await asyncio.wait({hung_up, forwarding}, return_when=asyncio.FIRST_COMPLETED)
        hung_up.cancel()
        if not forwarding.done():
            forwarding.cancel()
            return
        answer = forwarding.result()
        if fate is Fate.REPEATED:
            self._repeat(request)
        if fate is Fate.UNANSWERED or self.partitioned:
            return
        if fate is Fate.CUT:
            answer = answer[: self.network.dice.randrange(len(answer) + 1)]
        elif b"/heartbeat HTTP" in request[:300] and answer.startswith(b"HTTP/1.1 200"):
            self.heard.append(datetime.now(UTC))
        writer.write(answer)
        await writer.drain()

    def _repeat(self, request: bytes) -> None:
        async def later() -> None:
            await asyncio.sleep(self.network.dice.uniform(0, LATEST))
            if not self.partitioned:
                with contextlib.suppress(OSError):
                    await self._forward(request)

        task = asyncio.create_task(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _forward(self, request: bytes) -> bytes:
        """To some node; its whole answer, empty if there is none."""
        if not (nodes := self.network.nodes()):
            return b""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.network.dice.choice(nodes))
        except OSError:
            return b""
        try:
            writer.write(request)
            return await reader.read()
        except OSError:
            return b""
        finally:
            writer.transport.abort()


async def _request(reader: asyncio.StreamReader) -> bytes:
    """A whole request, with the wish that the connection is closed after it."""
    head = await reader.readuntil(HEAD_END)
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    body = await reader.readexactly(int(length[1])) if length else b""
    head = re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", head)
    return head.replace(HEAD_END, b"\r\nConnection: close" + HEAD_END) + body
