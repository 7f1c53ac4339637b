"""What the client that blocks can do with sinks of events."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TypeVar

from scheduler_sdk import sink_calls as calls
from scheduler_sdk.client_calls import Call
from scheduler_sdk.shapes import Page
from scheduler_sdk.sink_calls import DeadLetter, Sink

T = TypeVar("T")


class SinkCalls:
    """A part of `Client`."""

    def sinks(self) -> list[Sink]:
        """Where events are carried to, and how far that is."""
        return self._send(calls.list_sinks())["items"]

    def dead_letters(self, sink: str) -> Iterator[DeadLetter]:
        """Events that the sink has refused, the oldest first; pages are fetched as they are read."""
        return self._pages(calls.list_dead_letters(sink))

    def redrive_dead_letters(self, sink: str, ids: Sequence[str] | None = None) -> int:
        """Sends these again, or all; how many."""
        return self._send(calls.act_on_dead_letters(sink, "redrive", ids))["count"]

    def purge_dead_letters(self, sink: str, ids: Sequence[str] | None = None) -> int:
        """Throws these away, or all; how many."""
        return self._send(calls.act_on_dead_letters(sink, "purge", ids))["count"]

    @abstractmethod
    def _pages(self, call: Call[Page[T]]) -> Iterator[T]: ...

    @abstractmethod
    def _send(self, call: Call[T]) -> T: ...
