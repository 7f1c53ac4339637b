"""One child process of a worker, seen from the worker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from typing import Any, cast

from scheduler_sdk.errors import TaskFailed
from scheduler_sdk.execution.attempt import Attempt
from scheduler_sdk.execution.journal import Journal
from scheduler_sdk.execution.threads import in_thread
from scheduler_sdk.handlers.frames import Call, Checkpoint, Ended, Frames, Line, Progress, StopCall, frame, read_word
from scheduler_sdk.handlers.speaking import STREAM

HANDLER_DIED = "HANDLER_DIED"
LAST_WORDS = 1.0
"""Seconds for what a process wrote before it ended to be read, should something it left behind hold the connection."""
DEATH = 2.0
FAREWELL = 5.0

# The path of the worker, as it is after whatever has changed it: what it could import, its child can.
_START = """
import json, sys
sys.path[:] = json.loads(sys.argv.pop())
from scheduler_sdk.handlers.child import main
main()
"""


class ChildProcess(asyncio.Protocol):
    """One process. It runs one call at a time, in a session of its own, so that it ends with all that it started."""

    def __init__(self) -> None:
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._ended: asyncio.Future[Ended | None] | None = None
        self._speaks_for: tuple[Attempt, Journal] | None = None
        self._lost = False
        self.calls = 0
        self.grown = 0

    async def start(self) -> None:
        """Raises `OSError`."""
        ours = self._launch()
        self._exited = in_thread(self._process.wait, f"child {self._process.pid}")
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=ours)

    def _launch(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _START, str(theirs.fileno()), json.dumps(sys.path)],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        return ours

    @property
    def is_alive(self) -> bool:
        return not self._lost and not self._exited.done()

    async def call(self, call: Call, attempt: Attempt, journal: Journal) -> Ended:
        """Raises `TaskFailed` with HANDLER_DIED if the process ends before the function does."""
        assert self._transport is not None
        self.calls += 1
        self._speaks_for = attempt, journal
        self._ended = asyncio.get_running_loop().create_future()
        self._transport.write(frame(call))
        await self._over(None)
        return await self._verdict()

    async def stop(self, grace: float) -> None:
        """Tell the function that runs to stop; end the process if it has not after `grace` seconds."""
        if self._transport is not None and not self._lost:
            self._transport.write(frame(StopCall()))
        if self._ended is not None:
            try:
                await self._over(grace)
            finally:
                self._speaks_for = None
                if not self._ended.done():
                    self.kill()
            await self._over(DEATH)

    def kill(self) -> None:
        self._lost = True
        if not self._exited.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Hang up, upon which an idle process ends by itself."""
        if self._transport is not None:
            self._transport.close()
        try:
            await asyncio.wait([self._exited], timeout=FAREWELL)
        finally:
            if not self._exited.done():
                self.kill()
        await asyncio.wait([self._exited], timeout=DEATH)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        for body in self._frames.feed(data):
            word = read_word(body)
            if isinstance(word, Ended):
                self.grown = word.grown
                self._settle(word)
            elif self._speaks_for is not None:
                attempt, journal = self._speaks_for
                match word:
                    case Line(level=level, message=message):
                        journal.line(attempt, level, STREAM, message)
                    case Progress(progress=progress, message=message):
                        journal.progress(attempt, progress, message)
                    case Checkpoint(checkpoint=checkpoint):
                        journal.checkpoint(attempt, checkpoint.copy())

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        self._settle(None)

    def _settle(self, ended: Ended | None) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(ended)
        self._speaks_for = None

    async def _over(self, timeout: float | None) -> None:
        """Wait for the end of the call, or of the process."""
        assert self._ended is not None
        ends: list[asyncio.Future[Any]] = [self._ended, self._exited]
        await asyncio.wait(ends, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    async def _verdict(self) -> Ended:
        assert self._ended is not None
        await asyncio.wait([self._ended], timeout=LAST_WORDS)
        ended = self._ended.result() if self._ended.done() else None
        if ended is not None:
            return ended
        self._lost = True
        await asyncio.wait([self._exited], timeout=DEATH)
        self.kill()
        raise TaskFailed(HANDLER_DIED, f"the process of the handler {self._end()}")

    def _end(self) -> str:
        code = self._process.returncode
        if code is None:
            return "has hung up"
        if code >= 0:
            return f"ended with exit code {code}"
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:  # a real-time signal
            return f"was killed by signal {-code}"
