"""Domain events as the JSON that stands in the outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

import msgspec

from domain.shared.events import DomainEvent

_Shape = Callable[[DomainEvent], msgspec.Struct]

_ENCODER: Final = msgspec.json.Encoder()
_SHAPES: Final[dict[type[DomainEvent], _Shape]] = {}


def encode_events(events: Iterable[DomainEvent]) -> str:
    """A JSON array of `{"type", "occurredAt", …}`: every field of the event in camelCase, instants in UTC."""
    return _ENCODER.encode([_shape(type(event))(event) for event in events]).decode()


def _shape(kind: type[DomainEvent]) -> _Shape:
    """Makes the wire form of one kind of event; a struct costs less than a dict, and nothing to rename."""
    shape = _SHAPES.get(kind)
    if shape is None:
        names = [field.name for field in fields(kind)]
        columns = [(name, Any) for name in names]
        struct = msgspec.defstruct(kind.__name__, columns, tag_field="type", tag=kind.type, rename="camel")
        values = attrgetter(*names)
        one = len(names) == 1
        shape = _SHAPES[kind] = lambda event: struct(values(event)) if one else struct(*values(event))
    return shape
