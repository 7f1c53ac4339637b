"""Instants as Redis keeps them: microseconds since 1970, which its numbers hold exactly for three centuries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(instant: datetime) -> int:
    """Of an aware instant."""
    return (instant - _EPOCH) // MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The instant, in UTC."""
    return _EPOCH + value * MICROSECOND
