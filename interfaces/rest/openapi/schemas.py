"""Schemas of the API's shapes, as msgspec itself states them.

Litestar's own would leave out what is forbidden (unknown members) and what tells variants apart (their tags).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_origin

import msgspec
from litestar.openapi.spec import Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

_REFERENCE = "#/components/schemas/{name}"


def reference(shape: type[msgspec.Struct]) -> dict[str, str]:
    """What a part that is declared as raw JSON holds; one of `MsgspecSchemas(also=…)`."""
    return {"$ref": _REFERENCE.format(name=shape.__name__)}


class MsgspecSchemas(OpenAPISchemaPlugin):
    """Collects the structs that handlers take and return, and describes them together."""

    def __init__(self, also: Sequence[type[msgspec.Struct]] = ()) -> None:
        self._shapes: list[Any] = [*also]

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        shape = get_origin(field_definition.annotation) or field_definition.annotation
        return isinstance(shape, type) and issubclass(shape, msgspec.Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: object) -> Schema:
        return self.reference(field_definition.annotation)

    def reference(self, shape: Any) -> Schema:
        """A schema that refers to the component of `shape`."""
        if shape not in self._shapes:
            self._shapes.append(shape)
        return _Reference(all=self, shape=shape)

    @cached_property
    def described(self) -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
        """References by shape, and the components. To be read when every shape is known."""
        references, components = msgspec.json.schema_components(
            self._shapes, schema_hook=_anything, ref_template=_REFERENCE
        )
        return dict(zip(self._shapes, references, strict=True)), components


@dataclass
class _Reference(Schema):
    """Names are given when all shapes are known, so this is written down last."""

    all: MsgspecSchemas = field(default_factory=MsgspecSchemas)
    shape: Any = None

    def to_schema(self) -> dict[str, Any]:
        return self.all.described[0][self.shape]


def _anything(type_: type[object]) -> dict[str, Any]:
    """`object` stands for any JSON."""
    if type_ is object:
        return {"description": "Any JSON."}
    raise NotImplementedError
