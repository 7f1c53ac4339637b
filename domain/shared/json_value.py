"""JSON as the domain sees it: values where a rule reads them, text where they only pass through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NewType

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
JsonObject = Mapping[str, JsonValue]

JsonText = NewType("JsonText", str)
"""A JSON document as text: made once at the edge, never parsed on the way through."""
