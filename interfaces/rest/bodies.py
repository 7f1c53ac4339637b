"""Reading JSON bodies: strictly, by msgspec, with a pointer to whatever does not fit."""

from __future__ import annotations

import re
from collections.abc import Hashable
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Self, TypeGuard, TypeVar

import msgspec
from litestar.dto import AbstractDTO
from litestar.exceptions import HTTPException
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from application.scheduling.shapes import shape_problem
from domain.shared.errors import FieldProblem, Invalid
from domain.shared.json_value import JsonText

LARGEST = 1024 * 1024
LARGEST_BATCH = 8 * 1024 * 1024
"""Bytes of a body, and of one that carries many items."""

PLAIN_TEXT = "text/plain"

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""Bounds of the times that a body may name: whatever is reckoned from them stays inside the calendar."""

_JSON = re.compile(r"application/([\w.+-]+\+)?json", re.IGNORECASE)
_BYTE = re.compile(r" \(byte (\d+)\)")

Shape = TypeVar("Shape")


class Body(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The shape of a body: camelCase, and nothing that is not listed."""


class TextBody(Body, frozen=True, kw_only=True):
    """A body that may come as plain text, too: then that is its main part."""

    @classmethod
    def of_text(cls, text: str) -> Self:
        """The body that a plain text stands for."""
        raise NotImplementedError


ObjectText = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": ["object", "null"]})]
"""A JSON object that is passed on as it is; see `object_text`."""


class Malformed(Invalid):
    """Not JSON, or JSON of another shape."""

    code = "MALFORMED"


def read_json(text: bytes, shape: type[Shape]) -> Shape:
    """The value of `shape` that a body holds. Raises `Malformed`."""
    try:
        if not text.isascii():
            text.decode()  # what is passed on unread is not checked by the decoder
        value: Shape = _decoder(shape).decode(text)  # type: ignore[arg-type]  # a generic type hashes like any other
        return value
    except msgspec.ValidationError as error:
        raise Malformed(shape_problem(str(error), shape, text)) from None
    except msgspec.DecodeError as error:
        message = str(error)
        byte = _BYTE.search(message)
        offset = int(byte[1]) if byte else len(text)
        why = _BYTE.sub("", message.removeprefix("JSON is malformed: "))
        raise Malformed(FieldProblem("", "MALFORMED", f"This is not JSON: {why}.", offset)) from None
    except UnicodeDecodeError as error:
        raise Malformed(FieldProblem("", "MALFORMED", "The body is not UTF-8.", error.start)) from None
    except RecursionError:
        raise Malformed(FieldProblem("", "MALFORMED", "The body is nested too deeply.")) from None


def takes_text(shape: object) -> TypeGuard[type[TextBody]]:
    """Whether a body of this shape may come as plain text."""
    return isinstance(shape, type) and issubclass(shape, TextBody)


def _plain_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Malformed(FieldProblem("", "MALFORMED", "The body is not UTF-8.", error.start)) from None


def text_of(value: msgspec.Raw) -> JsonText | None:
    """A part of a body as the text it is; None where it is absent or null."""
    text = bytes(value).decode()
    return None if text in ("", "null") else JsonText(text)


def object_text(value: msgspec.Raw, pointer: str) -> JsonText | None:
    """`text_of` a part that can only be an object. Raises `Malformed`."""
    text = text_of(value)
    if text is not None and not text.startswith("{"):
        raise Malformed(FieldProblem(pointer, "MALFORMED", "It must be a JSON object."))
    return text


def instant(value: datetime, pointer: str) -> datetime:
    """A time of a body, in UTC. Raises `Malformed` for one without an offset: it could mean any instant.

    Raises `Invalid` for one so far away that no time could be reckoned from it.
    """
    if value.tzinfo is None:
        detail = f"{value.isoformat()} has no offset: write it with Z or like +02:00."
        raise Malformed(FieldProblem(pointer, "MALFORMED", detail))
    if not EARLIEST <= value < LATEST:
        detail = f"{value.isoformat()} is not between the years {EARLIEST.year} and {LATEST.year}."
        raise Invalid(FieldProblem(pointer, "OUT_OF_RANGE", detail))
    return value.astimezone(UTC)


def read_instant(text: str) -> datetime | None:
    """The instant that a text outside of a body means, in UTC; None for one that means none."""
    try:
        return instant(msgspec.convert(text, datetime), "")
    except (msgspec.ValidationError, Invalid):
        return None


@lru_cache(maxsize=256)
def _decoder(shape: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


class JsonBody(AbstractDTO[Any]):
    """How every handler's `data` is read: Litestar's own way converts types loosely and loses the pointers.

    A body may have no media type at all; one that claims to be something else is refused. That also keeps a foreign
    page in a browser from sending JSON here without asking first (a "simple" cross-origin request).
    """

    _shapes: ClassVar[dict[str, type[Any]]] = {}
    """By handler, filled in by the framework."""

    def decode_bytes(self, value: bytes) -> Any:
        shape = self._shapes[self.asgi_connection.route_handler.handler_id]
        declared = self.asgi_connection.headers.get("content-type", "application/json")
        media_type = declared.partition(";")[0].strip()
        if _JSON.fullmatch(media_type):
            return read_json(value, shape)
        if takes_text(shape) and media_type.lower() == PLAIN_TEXT:
            return shape.of_text(_plain_text(value))
        detail = f"The body is {declared!r}; send application/json{f' or {PLAIN_TEXT}' if takes_text(shape) else ''}."
        raise HTTPException(detail, status_code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: object = None
    ) -> None:
        cls._shapes[handler_id] = field_definition.annotation

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return schema
