"""JSON as the domain sees it: values where a rule reads them, text where they only pass through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NewType

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
JsonObject = Mapping[str, JsonValue]

JsonText = NewType("JsonText", str)
"""A JSON document as text: made once at the edge, never parsed on the way through."""


def same_json(one: JsonValue, other: JsonValue) -> bool:
    """Whether both are the same document. To `==` alone `true`, `1` and `1.0` are one value."""
    if isinstance(one, Mapping):
        return (
            isinstance(other, Mapping)
            and one.keys() == other.keys()
            and all(same_json(value, other[name]) for name, value in one.items())
        )
    if isinstance(one, Sequence) and not isinstance(one, str):
        return (
            isinstance(other, Sequence)
            and not isinstance(other, str)
            and len(one) == len(other)
            and all(map(same_json, one, other))
        )
    return type(one) is type(other) and one == other
