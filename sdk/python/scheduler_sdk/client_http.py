"""What a client that blocks and one that awaits have in common of HTTP."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
import msgspec

from scheduler_sdk.client_calls import Call
from scheduler_sdk.client_errors import ApiError, NoAnswer, SchedulerError, Unreachable
from scheduler_sdk.server_address import USER_AGENT, is_loopback

T = TypeVar("T")

LINES = "application/x-ndjson"
LONGEST_SILENCE = 60.0  # seconds; a followed log without a word is asked for again, in case the peer is gone
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_LONGEST_WAIT = 20.0


def settings(server: str, timeout: float) -> dict[str, Any]:
    """How either of httpx's clients is made."""
    return {
        "base_url": server + "/api/v1",
        "headers": {"User-Agent": USER_AGENT, "Accept": "application/json"},
        "timeout": timeout,
        "trust_env": not is_loopback(server),  # a proxy of the environment has no way to this machine's loopback
    }


def request(http: httpx.Client | httpx.AsyncClient, call: Call[T], timeout: float) -> httpx.Request:
    content = {} if call.body is None else {"Content-Type": "application/json"}
    return http.build_request(
        call.method,
        call.path,
        params=dict(call.query),
        content=None if call.body is None else msgspec.json.encode(call.body),
        headers={"Accept": "application/json", **content, **call.headers},
        timeout=timeout,
    )


def stream_request(http: httpx.Client | httpx.AsyncClient, call: Call[T], timeout: float) -> httpx.Request:
    """Of a followed log, which may be silent for a while."""
    waits = httpx.Timeout(timeout, read=LONGEST_SILENCE)
    return http.build_request(call.method, call.path, params=dict(call.query), headers={"Accept": LINES}, timeout=waits)


@contextmanager
def failures_named(server: str, timeout: float) -> Iterator[None]:
    """The errors of httpx as those of the client."""
    try:
        yield
    except httpx.ConnectTimeout:
        raise Unreachable(server, "no connection within the time-out") from None
    except httpx.TimeoutException:
        raise NoAnswer(server, timeout) from None
    except httpx.TransportError as error:
        raise Unreachable(server, _cause(error)) from None
    except msgspec.DecodeError as error:
        raise SchedulerError(f"the scheduler at {server} sent a log line that is not JSON: {error}") from None


class Patience:
    """How long a follower goes on without hearing anything, and how long it pauses before it asks again."""

    def __init__(self, give_up_after: float) -> None:
        self._give_up_after = give_up_after
        self._heard_at = time.monotonic()
        self._pause = _FIRST_PAUSE

    def heard(self, *, news: bool) -> None:
        """The server is there; with news it is worth asking again soon."""
        self._heard_at = time.monotonic()
        if news:
            self._pause = _FIRST_PAUSE

    def failed(self, error: SchedulerError) -> None:
        """Raises the error unless it may pass and there is patience left."""
        if isinstance(error, NoAnswer):
            self.heard(news=False)  # silent, yet there
            return
        passing = isinstance(error, Unreachable) or (isinstance(error, ApiError) and error.status in (502, 503, 504))
        if not passing or time.monotonic() - self._heard_at > self._give_up_after:
            raise error

    def pause(self) -> float:
        """Seconds, more every time."""
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        return pause


class Waiting:
    """The rhythm of asking whether a task has ended: the server answers when it has, or after a while."""

    def __init__(self, task_id: str, timeout: float | None) -> None:
        self._task_id = task_id
        self._until = None if timeout is None else time.monotonic() + timeout
        self._pause = 0.05

    def seconds(self, patience: float) -> int:
        """How long the server may take to answer, when an answer is given up after `patience` seconds."""
        left = patience if self._until is None else self._until - time.monotonic()
        return max(0, int(min(_LONGEST_WAIT, patience / 2, left)))

    def pause(self) -> float:
        """Seconds. Raises `TimeoutError` once the time is over."""
        left = None if self._until is None else self._until - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError(f"task {self._task_id} has not ended in time")
        pause, self._pause = self._pause, min(self._pause * 1.5, 2.0)
        return pause if left is None else min(pause, left)


def _cause(error: httpx.TransportError) -> str:
    """The words of the operating system where there are any: httpx wraps them two levels deep."""
    deepest: BaseException = error
    while deepest.__cause__ or deepest.__context__:
        deepest = deepest.__cause__ or deepest.__context__ or deepest
    if not isinstance(deepest, OSError):
        text = str(error)
    elif (deepest.errno or 0) > 0 and not isinstance(deepest, socket.gaierror):
        text = os.strerror(deepest.errno or 0)  # that of asyncio tells which function has failed
    else:
        text = deepest.strerror or str(deepest)
    return (text or type(error).__name__).lower().rstrip(".")
