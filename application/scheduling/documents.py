"""What all documents share: camel case, nothing unknown, durations and instants with pointers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TypeVar

import msgspec

from domain.shared.errors import FieldProblem, Invalid
from domain.timing.duration import format_duration, parse_duration

Value = TypeVar("Value")


class Document(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True
):
    """Camel case, nothing unknown."""


def at(pointer: str, make: Callable[[], Value]) -> Value:
    """What `make` returns; a refusal's pointers are moved below `pointer`."""
    try:
        return make()
    except Invalid as refusal:
        raise refusal.under(pointer) from None


def duration(text: str, pointer: str) -> timedelta:
    """The duration that a text means. Raises `Invalid` with the pointer."""
    return at(pointer, lambda: parse_duration(text))


def duration_or_none(text: str | None, pointer: str) -> timedelta | None:
    """A duration's text, if there is one. Raises `Invalid` with the pointer."""
    return None if text is None else duration(text, pointer)


def text_or_none(duration: timedelta) -> str | None:
    """The text of a duration, None for no time at all."""
    return format_duration(duration) if duration else None


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


def complete(document: msgspec.Struct | Sequence[msgspec.Struct] | None) -> msgspec.Raw:
    """A document as JSON with its defaults, which the text that is kept leaves out."""
    return msgspec.Raw(msgspec.json.encode(_members(document)))


def _members(value: object) -> object:
    if isinstance(value, list):
        return [_members(each) for each in value]
    if isinstance(value, Enum) or not isinstance(value, msgspec.Struct):
        return value
    members: dict[str, object] = {}
    if value.__struct_config__.tag_field is not None:
        members[value.__struct_config__.tag_field] = value.__struct_config__.tag
    for field in msgspec.structs.fields(value):
        members[field.encode_name] = _members(getattr(value, field.name))
    return members
