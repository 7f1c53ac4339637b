"""Triggers as JSON, and the way to and from the domain's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeVar

import msgspec

from domain.shared.errors import FieldProblem, Invalid
from domain.timing.cron import CronExpression, DayMatch
from domain.timing.duration import format_duration, parse_duration
from domain.timing.local_time import DstRule, Gap, Overlap
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import CronTrigger, ManualTrigger, Trigger

Value = TypeVar("Value")
NO_TIME = timedelta(0)


class Document(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True
):
    """Camel case, nothing unknown."""


class DstDocument(Document, frozen=True, kw_only=True):
    """What happens at the two changes of the clock."""

    gap: Gap = Gap.AUTO
    overlap: Overlap = Overlap.AUTO


class _Bounded(Document, frozen=True, kw_only=True):
    start_at: datetime | None = None
    end_at: datetime | None = None
    max_executions: int | None = None
    jitter: str | None = None


class CronDocument(_Bounded, frozen=True, kw_only=True, tag_field="type", tag="CRON"):
    """`expression` has 5 fields, or 6 with seconds first; `time_zone` is an IANA name."""

    expression: str
    time_zone: str = "UTC"
    day_match: DayMatch = DayMatch.VIXIE
    dst: DstDocument = DstDocument()


class ManualDocument(Document, frozen=True, kw_only=True, tag_field="type", tag="MANUAL"):
    """Runs only when somebody asks."""


TriggerDocument = CronDocument | ManualDocument


def at(pointer: str, make: Callable[[], Value]) -> Value:
    """What `make` returns; a refusal's pointers are moved below `pointer`."""
    try:
        return make()
    except Invalid as refusal:
        raise refusal.under(pointer) from None


def duration_or_none(text: str | None, pointer: str) -> timedelta | None:
    """A duration's text, if there is one. Raises `Invalid` with the pointer."""
    return None if text is None else at(pointer, lambda: parse_duration(text))


def instant_or_none(value: datetime | None, pointer: str) -> datetime | None:
    """An aware instant in UTC. A time without an offset is refused: it would mean something else on every machine."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise Invalid(
            FieldProblem(pointer, "NO_OFFSET", f"{value.isoformat()} has no offset; write it with Z or ±hh:mm.")
        )
    try:
        return value.astimezone(UTC)
    except OverflowError:
        detail = f"{value.isoformat()} is outside the calendar: in UTC its year is not 1 to 9999."
        raise Invalid(FieldProblem(pointer, "OUT_OF_RANGE", detail)) from None


def trigger_of(document: TriggerDocument) -> Trigger:
    """The domain's trigger. Raises `Invalid`; pointers are relative to the trigger."""
    match document:
        case ManualDocument():
            return ManualTrigger()
        case CronDocument():
            return CronTrigger(
                expression=_expression(document.expression, document.day_match),  # these two know their pointers
                zone=TimeZone(document.time_zone),
                dst=DstRule(gap=document.dst.gap, overlap=document.dst.overlap),
                start_at=instant_or_none(document.start_at, "/startAt"),
                end_at=instant_or_none(document.end_at, "/endAt"),
                max_executions=document.max_executions,
                jitter=duration_or_none(document.jitter, "/jitter") or NO_TIME,
            )


@lru_cache(maxsize=4096)
def _expression(text: str, day_match: DayMatch) -> CronExpression:
    return CronExpression.parse(text, day_match)


def trigger_document_of(trigger: Trigger) -> TriggerDocument:
    """The trigger as it was given."""
    match trigger:
        case ManualTrigger():
            return ManualDocument()
        case CronTrigger():
            return CronDocument(
                expression=trigger.expression.text,
                time_zone=trigger.zone.name,
                day_match=trigger.expression.day_match,
                dst=DstDocument(gap=trigger.dst.gap, overlap=trigger.dst.overlap),
                start_at=trigger.start_at,
                end_at=trigger.end_at,
                max_executions=trigger.max_executions,
                jitter=format_duration(trigger.jitter) if trigger.jitter else None,
            )
    raise TypeError(f"{type(trigger).__name__} has no document")
