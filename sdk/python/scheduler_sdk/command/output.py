"""The output of a command, line by line, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from scheduler_sdk.execution.budget import OutputBudget
from scheduler_sdk.execution.text import LINE_BYTES


class LineSplitter:
    """Cuts a stream of bytes into lines, whatever pieces it arrives in.

    Undecodable bytes become U+FFFD. Of a line longer than 16 KiB a little more than that is passed on, so that the
    log can mark it as cut; the rest of it is skipped.
    """

    def __init__(self) -> None:
        self._partial = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that `data` completes, without their ends (LF or CR LF)."""
        *ended, rest = data.split(b"\n")
        for piece in ended:
            if self._skipping:
                self._skipping = False
            elif self._partial:
                self._partial += piece
                yield self._take()
            else:
                yield _line(piece)
        if rest and not self._skipping:
            self._partial += rest
            if len(self._partial) > LINE_BYTES + 1:  # one more than the limit: it may be the CR of an end still to come
                self._skipping = True
                yield self._take()

    def close(self) -> Iterator[str]:
        """The last line, if the stream did not end with one's end."""
        if self._partial:
            yield self._take()

    def discard(self) -> int:
        """Forget the beginning of a line; returns its size in bytes."""
        size = len(self._partial)
        self._partial.clear()
        return size

    def _take(self) -> str:
        line = _line(self._partial)
        self._partial.clear()
        return line


def _line(raw: bytes | bytearray) -> str:
    if raw.endswith(b"\r"):
        raw = raw[:-1]
    return raw[: LINE_BYTES + 1].decode(errors="replace")


class LinePipe(asyncio.Protocol):
    """One output stream of a command. It is read to its end whatever the budget says: the command never blocks."""

    def __init__(self, line: Callable[[str], None], budget: OutputBudget) -> None:
        self._line = line
        self._budget = budget
        self._splitter = LineSplitter()
        self._mid_line = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            return
        if self._budget.spent:  # counting is all that is left to do, and quick
            self._budget.drop(data.count(b"\n"), len(data) + self._splitter.discard())
            self._mid_line = not data.endswith(b"\n")
            return
        for line in self._splitter.feed(data):
            self._line(line)

    def connection_lost(self, error: Exception | None) -> None:
        self.close()

    def close(self) -> None:
        """Pass on a last line without an end; nothing comes after it."""
        if not self.ended.done():
            self.ended.set_result(None)
            for line in self._splitter.close():
                self._line(line)
            if self._mid_line:
                self._budget.drop(1, 0)
