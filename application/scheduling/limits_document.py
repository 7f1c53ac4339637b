"""Limits as JSON."""

from __future__ import annotations

from typing import Final

from application.scheduling.documents import Document, at
from domain.scheduling.key_template import KeyTemplate
from domain.scheduling.limits import ConcurrencyLimit, Fairness, Limits, RateAlgorithm, RateLimit
from domain.timing.duration import format_duration, parse_duration


class ConcurrencyDocument(Document, frozen=True, kw_only=True):
    """At most `limit` tasks of one `key` at a time; without a key those of the job."""

    limit: int
    key: str | None = None


class RateLimitDocument(Document, frozen=True, kw_only=True):
    """At most `limit` starts of one `key` per `per`; without a key those of the job."""

    limit: int
    per: str
    key: str | None = None
    algorithm: RateAlgorithm = RateAlgorithm.TOKEN_BUCKET
    burst: int | None = None
    weight: int = 1


class FairnessDocument(Document, frozen=True, kw_only=True):
    """Keys take turns in proportion to their weights."""

    key: str
    weight: int = 1


def limits_of(
    job: str,
    concurrency: ConcurrencyDocument | None,
    rate: RateLimitDocument | None,
    fairness: FairnessDocument | None,
) -> Limits:
    """The domain's, for a job of that name. Raises `Invalid` with pointers relative to the job's document."""
    return Limits(
        concurrency=None if concurrency is None else at("/concurrency", lambda: _concurrency(job, concurrency)),
        rate=None if rate is None else at("/rateLimit", lambda: _rate(job, rate)),
        fairness=None if fairness is None else at("/fairness", lambda: _fairness(fairness)),
    )


def concurrency_document_of(limits: Limits) -> ConcurrencyDocument | None:
    """As it was given, with its key."""
    if limits.concurrency is None:
        return None
    return ConcurrencyDocument(limit=limits.concurrency.limit, key=limits.concurrency.key.text)


def rate_document_of(limits: Limits) -> RateLimitDocument | None:
    """As it was given, with its key."""
    if (rate := limits.rate) is None:
        return None
    return RateLimitDocument(
        limit=rate.limit,
        per=format_duration(rate.per),
        key=rate.key.text,
        algorithm=rate.algorithm,
        burst=rate.burst,
        weight=rate.weight,
    )


def fairness_document_of(limits: Limits) -> FairnessDocument | None:
    """As it was given."""
    if limits.fairness is None:
        return None
    return FairnessDocument(key=limits.fairness.key.text, weight=limits.fairness.weight)


_OWN: Final = "job."
"""Begins the key of a job that names none."""


def _key(job: str, text: str | None) -> KeyTemplate:
    return at("/key", lambda: KeyTemplate(_OWN + job if text is None else text))


def _concurrency(job: str, document: ConcurrencyDocument) -> ConcurrencyLimit:
    return ConcurrencyLimit(limit=document.limit, key=_key(job, document.key))


def _rate(job: str, document: RateLimitDocument) -> RateLimit:
    return RateLimit(
        limit=document.limit,
        per=at("/per", lambda: parse_duration(document.per)),
        key=_key(job, document.key),
        algorithm=document.algorithm,
        burst=document.burst,
        weight=document.weight,
    )


def _fairness(document: FairnessDocument) -> Fairness:
    return Fairness(key=_key("", document.key), weight=document.weight)
