"""Sinks and dead letters as the API shows them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class SinkView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A place that events are carried to.

    `position` is the last event that is done, `lagSeconds` the age of the oldest commit that is not. `error` says why
    it is stuck since `errorSince`; `lost` counts commits that were dropped before it could have them.
    """

    name: str
    position: str
    lag_seconds: float
    dead_letters: int
    lost: int
    attempts: int = 0
    error: str | None = None
    error_since: datetime | None = None


class DeadLetterView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """An event that the sink has refused, as CloudEvent. `due`: it is about to be sent again."""

    id: UUID
    event: msgspec.Raw
    attempts: int
    error: str
    died_at: datetime
    due: bool
