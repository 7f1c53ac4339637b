"""The calls about sinks as values, and the shapes of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict
from urllib.parse import quote

from scheduler_sdk.client_calls import Call
from scheduler_sdk.shapes import Page


class Sink(TypedDict, total=False):
    """A place that events are carried to; `error` says why it is stuck."""

    name: str
    position: str
    lagSeconds: float
    deadLetters: int
    lost: int
    attempts: int
    error: str | None
    errorSince: str | None


class DeadLetter(TypedDict, total=False):
    """An event that a sink has refused for good."""

    id: str
    event: dict[str, Any]
    attempts: int
    error: str
    diedAt: str
    due: bool


def list_sinks() -> Call[Page[Sink]]:
    return Call("GET", "/sinks")


def list_dead_letters(sink: str) -> Call[Page[DeadLetter]]:
    return Call("GET", f"{_letters(sink)}")


def act_on_dead_letters(sink: str, verb: str, ids: Sequence[str] | None) -> Call[dict[str, int]]:
    return Call("POST", f"{_letters(sink)}/{verb}", body={} if ids is None else {"ids": list(ids)})


def _letters(sink: str) -> str:
    return f"/sinks/{quote(sink, safe='')}/dead-letters"
