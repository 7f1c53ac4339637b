"""Where a fire is planned that may start some time after its nominal time: by jitter, or within a window."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_NO_TIME: Final = timedelta(0)


def planned_at(job_id: UUID, nominal: datetime, spread: timedelta, next_nominal: datetime | None) -> datetime:
    """When the fire is to start: between `nominal` and `nominal + spread`, never after `next_nominal`.

    The place is a hash of job and nominal time: evenly spread over jobs, and the same on every node and at every try.
    """
    room = _room(nominal, spread, next_nominal)
    if room <= _NO_TIME:
        return nominal
    identity = job_id.bytes + ((nominal - _EPOCH) // _TICK).to_bytes(8, "big", signed=True)
    place = int.from_bytes(hashlib.blake2b(identity, digest_size=8).digest(), "big")  # of 2**64
    return nominal + _TICK * (place * (room // _TICK + 1) >> 64)


def window_end(nominal: datetime, window: timedelta, next_nominal: datetime | None) -> datetime:
    """Until when a fire with a window is in time: the end of the window, or the next nominal time if that is before."""
    return nominal + max(_room(nominal, window, next_nominal), _NO_TIME)


def _room(nominal: datetime, spread: timedelta, next_nominal: datetime | None) -> timedelta:
    return spread if next_nominal is None else min(spread, next_nominal - nominal)
