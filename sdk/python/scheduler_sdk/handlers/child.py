"""A child process of a worker: runs functions that are not async, one at a time, until the worker hangs up."""

from __future__ import annotations

import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Raw

from scheduler_sdk.context import Channel, TaskContext, encoded_result
from scheduler_sdk.handlers.failures import end_of
from scheduler_sdk.handlers.frames import Call, Checkpoint, Ended, Frames, Line, Progress, Word, frame, read_order
from scheduler_sdk.handlers.importable import imported
from scheduler_sdk.handlers.signature import Signature
from scheduler_sdk.wire import NULL, Level

LAST_WORDS = 1.0
"""Seconds that a function has to notice that its worker is gone."""

_CHUNK = 64 * 1024
_STATM = Path("/proc/self/statm")


class PipeChannel(Channel):
    """The channel of a handler that runs here: everything goes to the worker."""

    def __init__(self, say: Callable[[Word], None]) -> None:
        self._say = say
        self._stopping = threading.Event()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        self._stopping.set()

    def line(self, level: Level, message: str) -> None:
        self._say(Line(level, message.encode(errors="replace").decode()))

    def progress(self, progress: float, message: str | None) -> None:
        self._say(Progress(progress, None if message is None else message.encode(errors="replace").decode()))

    def checkpoint(self, checkpoint: Raw) -> None:
        self._say(Checkpoint(checkpoint))


class Child:
    """Reads orders in a thread of its own, so that a busy function can be told to stop."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._running: PipeChannel | None = None
        self._at_first: int | None = None
        self._sending = threading.Lock()

    def serve(self) -> None:
        threading.Thread(target=self._listen, name="orders", daemon=True).start()
        while (call := self._calls.get()) is not None:
            self._running = PipeChannel(self._say)
            ended = self._run(call, self._running)
            self._running = None
            self._say(ended)

    def _listen(self) -> None:
        frames = Frames()
        while data := _received(self._connection):
            for body in frames.feed(data):
                match read_order(body):
                    case Call() as call:
                        self._calls.put(call)
                    case _ if (running := self._running) is not None:
                        running.stop()
        self._calls.put(None)
        if (running := self._running) is not None:
            running.stop()
            threading.Event().wait(LAST_WORDS)
            os.killpg(0, signal.SIGKILL)  # with whatever the function has started

    def _run(self, call: Call, channel: PipeChannel) -> Ended:
        try:
            function, signature = _known(call.target, call.item.handler or "")
            if self._at_first is None:
                self._at_first = _resident()
            context = TaskContext(call.item, channel)
            args, named = signature.arguments(call.item.parameters, context)
            return Ended(0, result=encoded_result(function(*args, **named)) or NULL)
        except BaseException as error:
            return Ended.by(end_of(error, retryable=call.retry), 0)

    def _say(self, word: Word) -> None:
        if isinstance(word, Ended):
            word.grown = _resident() - (self._at_first or 0)
        with self._sending:
            self._connection.sendall(frame(word))


def main() -> None:
    """`ARGV: DESCRIPTOR` of the connection to the worker."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.set_inheritable(False)
    for number in (signal.SIGTERM, signal.SIGINT):
        # A signal to the whole service is the worker's business. Not SIG_IGN: programs started from here would keep it.
        signal.signal(number, lambda *_: None)
    Child(connection).serve()


@cache
def _known(target: str, name: str) -> tuple[Callable[..., Any], Signature]:
    function = imported(target)
    return function, Signature(name, function)


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(_CHUNK)
    except OSError:
        return b""


def _resident() -> int:
    """Bytes of memory in use; 0 where the system does not say."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
