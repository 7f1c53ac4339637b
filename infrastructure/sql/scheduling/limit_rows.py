"""Limits as the store has them."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from domain.scheduling.admission import Candidate, KeyKind, LimitKey
from domain.scheduling.ids import LaneId, TaskId
from domain.scheduling.limits import RateAlgorithm, RateLimit
from domain.scheduling.rate import RateTerms, RateUse
from infrastructure.sql.types import from_microseconds, to_microseconds

COLUMNS = ("id", "lane", "priority", "slot_key", "slot_most", "rate_key", "rate_terms", "turn_key", "turn_window")
"""What `candidate` reads, in this order."""


class _Terms(msgspec.Struct, array_like=True, frozen=True):
    algorithm: RateAlgorithm
    limit: int
    per_us: int
    capacity: int
    weight: int


class _Use(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    full_us: int | None = None
    starts: list[tuple[int, int]] = []


_terms = msgspec.json.Decoder(_Terms)
_use = msgspec.json.Decoder(_Use)


def encode_terms(rate: RateLimit) -> str:
    """As JSON text."""
    per_us = to_microseconds(from_microseconds(0) + rate.per)
    terms = _Terms(rate.algorithm, rate.limit, per_us, rate.capacity, rate.weight)
    return msgspec.json.encode(terms).decode()


@lru_cache(maxsize=1024)
def decode_terms(text: str) -> RateTerms:
    """What a task says of its rate limit; equal texts share one value."""
    terms = _terms.decode(text)
    return RateTerms(
        algorithm=terms.algorithm,
        limit=terms.limit,
        per=from_microseconds(terms.per_us) - from_microseconds(0),
        capacity=terms.capacity,
        weight=terms.weight,
    )


def encode_use(use: RateUse) -> str:
    """As JSON text."""
    full = None if use.full_at is None else to_microseconds(use.full_at)
    return msgspec.json.encode(_Use(full, [(to_microseconds(at), weight) for at, weight in use.starts])).decode()


def decode_use(text: str | None) -> RateUse:
    """The inverse of `encode_use`; nothing = nothing was used."""
    use = _Use() if text is None else _use.decode(text)
    full: datetime | None = None if use.full_us is None else from_microseconds(use.full_us)
    return RateUse(full_at=full, starts=tuple((from_microseconds(at), weight) for at, weight in use.starts))


def candidate(row: Any) -> Candidate:
    """From a row of `COLUMNS`."""
    id_, lane, priority, slot, most, rate, terms, turn, window = row
    return Candidate(
        task_id=TaskId(id_),
        lane=LaneId(lane),
        priority=priority,
        slot=None if slot is None else LimitKey(KeyKind.SLOT, slot),
        most=most or 0,
        rate=None if rate is None else LimitKey(KeyKind.RATE, rate),
        terms=None if terms is None else decode_terms(terms),
        turn=None if turn is None else LimitKey(KeyKind.TURN, turn),
        window=window or 0,
    )
