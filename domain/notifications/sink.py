"""Places that events are carried to, and how far that has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.notifications.message import Message, Position
from domain.shared.ids import TenantId

MOST_ATTEMPTS: Final = 5
"""Tries of an event that a sink refuses, before it becomes a dead letter."""

_FIRST_WAIT, _GROWTH, _LONGEST_WAIT = 1.0, 5.0, 300.0
_LONGEST_SILENCE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRecord:
    """How far a sink is: all up to `position` is done; `attempts` were refused of what comes next."""

    name: str
    tenant: TenantId | None
    position: Position
    attempts: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An event that a sink has refused for good, unless somebody sends it again."""

    id: UUID
    sink: str
    message: Message
    attempts: int
    error: str
    died_at: datetime


def wait_after_refusal(attempts: int) -> float:
    """Seconds until an event is tried again that was refused so many times."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * _GROWTH ** max(0, attempts - 1))


def wait_after_silence(times: int) -> float:
    """Seconds until a sink is tried again that could not be reached so many times in a row."""
    return min(_LONGEST_SILENCE, 0.5 * 2.0 ** min(10, max(0, times - 1)))


class SinkUnavailable(Exception):
    """The sink cannot be reached or is too busy: nothing is wrong with the event. The first `acknowledged` arrived."""

    def __init__(self, why: str, acknowledged: int = 0, after: float | None = None) -> None:
        super().__init__(why)
        self.acknowledged = acknowledged
        self.after = after
        """Seconds that the sink itself asked to be left alone."""


class MessageRefused(Exception):
    """The sink does not take the event behind the first `acknowledged`; those arrived."""

    def __init__(self, why: str, acknowledged: int = 0) -> None:
        super().__init__(why)
        self.acknowledged = acknowledged
