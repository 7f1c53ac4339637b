"""What a worker and its child processes say to each other: JSON, each piece after its length in four bytes."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from scheduler_sdk.errors import Cancel, Snooze, TaskEnd, TaskFailed
from scheduler_sdk.wire import NULL, Item, Level

LENGTH_BYTES = 4


class Call(Struct, tag="call"):
    """Run this task with the function `target`."""

    target: str
    item: Item
    retry: bool


class StopCall(Struct, tag="stop"):
    """Tell the function that it is to stop."""


class Line(Struct, tag="line"):
    level: Level
    message: str


class Progress(Struct, tag="progress"):
    progress: float
    message: str | None = None


class Checkpoint(Struct, tag="checkpoint"):
    checkpoint: Raw


class Failure(Struct, omit_defaults=True):
    code: str
    message: str
    retryable: bool = True
    stack: str | None = None
    retry_after: float | None = None


class Ended(Struct, tag="ended", omit_defaults=True):
    """How the call has ended, and how many bytes the process has grown since it began its first one."""

    grown: int
    result: Raw = NULL
    failure: Failure | None = None
    snooze: tuple[float, str] | None = None
    cancel: str | None = None

    @classmethod
    def by(cls, end: TaskEnd, grown: int) -> Ended:
        match end:
            case Snooze(delay=delay, reason=reason):
                return cls(grown, snooze=(delay, reason))
            case Cancel(reason=reason):
                return cls(grown, cancel=reason)
            case TaskFailed() as failed:
                told = Failure(failed.code, failed.message, failed.retryable, failed.stack, failed.retry_after)
                return cls(grown, failure=told)
            case _:
                return cls(grown, failure=Failure(type(end).__name__, str(end)))

    def outcome(self) -> Raw | None:
        """The result. Raises `TaskEnd`."""
        if self.snooze is not None:
            raise Snooze(*self.snooze)
        if self.cancel is not None:
            raise Cancel(self.cancel)
        if (f := self.failure) is not None:
            raise TaskFailed(f.code, f.message, retryable=f.retryable, stack=f.stack, retry_after=f.retry_after)
        return None if self.result == NULL else self.result.copy()


Order = Call | StopCall
Word = Line | Progress | Checkpoint | Ended

read_order = msgspec.json.Decoder(Order).decode
read_word = msgspec.json.Decoder(Word).decode


def frame(content: Order | Word) -> bytes:
    body = msgspec.json.encode(content)
    return len(body).to_bytes(LENGTH_BYTES) + body


class Frames:
    """Finds the pieces in a stream, however it is cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._buffer += data
        while len(self._buffer) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(self._buffer[:LENGTH_BYTES])
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[LENGTH_BYTES:end])
            del self._buffer[:end]
            yield body
