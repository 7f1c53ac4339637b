"""CloudEvents 1.0 over HTTP: structured, batched, or binary (attributes in headers, data in the body)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import msgspec
from litestar.exceptions import HTTPException

from domain.scheduling.inbound_event import InboundEvent, InvalidEvent
from domain.shared.errors import FieldProblem, Invalid
from domain.shared.json_value import JsonText
from interfaces.rest.bodies import read_json

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MOST_EVENTS = 1_000

Headers = Iterable[tuple[str, str]]
Word = Annotated[str, msgspec.Meta(min_length=1)]


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event. Members that are not listed are extensions: names of a-z and 0-9, values that are single."""

    specversion: Literal["1.0"]
    id: Word
    source: Word
    type: Word
    subject: Word | None = None
    time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    datacontenttype: Word | None = None
    dataschema: Word | None = None
    data: object = None
    data_base64: bytes | None = None


Batch = Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MOST_EVENTS)]

_EXTENSION = re.compile(r"[a-z0-9]+", re.ASCII)
_JSON = re.compile(r"application/([\w.+-]+\+)?json|text/json", re.ASCII)
_UTF_8_TEXT = re.compile(r"text/[^;]+(;\s*charset=\"?utf-8\"?)?", re.ASCII)
_HEADER = "ce-"


def read_events(headers: Headers, body: bytes) -> Sequence[InboundEvent | Invalid]:
    """The events of a request. In a batch each stands alone: one that is wrong is there as its refusal.

    Raises `Invalid` for a single event or a batch as a whole, and `HTTPException` for what is neither.
    """
    given = [(name.lower(), value) for name, value in headers]
    declared = next((value for name, value in given if name == "content-type"), "")
    media_type = declared.partition(";")[0].strip().lower()
    if media_type == BATCH:
        return [_tried(event) for event in read_json(body, Batch)]
    if media_type == STRUCTURED:
        return [_event(body)]
    if any(name.startswith(_HEADER) for name, _ in given) and not media_type.startswith("application/cloudevents"):
        return [_binary(given, declared, body)]
    detail = (
        f"The body is {declared or 'of no declared type'!r} and there is no header ce-specversion. Send {STRUCTURED},"
        f" {BATCH}, or the attributes of the event as headers ce-specversion, ce-id, ce-source, ce-type and so on."
    )
    raise HTTPException(detail, status_code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def _tried(text: msgspec.Raw) -> InboundEvent | Invalid:
    try:
        return _event(bytes(text))
    except Invalid as refusal:
        return refusal


def _event(text: bytes) -> InboundEvent:
    event = read_json(text, CloudEvent)
    members = read_json(text, dict[str, msgspec.Raw])
    problems = [problem for name, value in members.items() if (problem := _wrong_extension(name, value)) is not None]
    if event.data is not None and event.data_base64 is not None:
        problems.append(FieldProblem("/data_base64", "CONTRADICTION", "Give either data or data_base64."))
    if problems:
        raise InvalidEvent(*problems)
    given = {name: value for name, value in members.items() if bytes(value) != b"null"}
    document = JsonText(msgspec.json.encode(given).decode())
    return InboundEvent(id=event.id, source=event.source, type=event.type, document=document)


def _wrong_extension(name: str, value: msgspec.Raw) -> FieldProblem | None:
    if name in CloudEvent.__struct_fields__:
        return None
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    if not _EXTENSION.fullmatch(name):
        return FieldProblem(pointer, "SYNTAX", f"{name!r} is no name of an attribute: allowed are a-z and 0-9.")
    if bytes(value)[:1] in (b"{", b"["):
        detail = f"{name} is an attribute: it cannot be an object or an array. What the event says goes into data."
        return FieldProblem(pointer, "MALFORMED", detail)
    return None


def _binary(headers: Headers, declared: str, body: bytes) -> InboundEvent:
    members: dict[str, Any] = {}
    for header, value in headers:
        if not header.startswith(_HEADER):
            continue
        name = header.removeprefix(_HEADER)
        if name in members:
            raise InvalidEvent(FieldProblem(f"/{name}", "DUPLICATE", f"The header {header} is given twice."))
        if name in ("data", "data_base64", "datacontenttype"):
            detail = f"There is no header {header}: the data is the body, and its type is Content-Type."
            raise InvalidEvent(FieldProblem(f"/{name}", "CONTRADICTION", detail))
        members[name] = _decoded(header, value)
    if declared:
        members["datacontenttype"] = declared
    members.update(_data(declared, body))
    return _event(msgspec.json.encode(members))


def _decoded(header: str, value: str) -> str:
    """Header values are percent-encoded UTF-8, and may stand in quotes."""
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        name = header.removeprefix(_HEADER)
        detail = f"The header {header} does not become UTF-8 when it is percent-decoded."
        raise InvalidEvent(FieldProblem(f"/{name}", "SYNTAX", detail)) from None


def _data(declared: str, body: bytes) -> Mapping[str, object]:
    """The body as members of the JSON format: as JSON, as a text, or in base64."""
    if not body:
        return {}
    if not declared or _JSON.fullmatch(declared.partition(";")[0].strip().lower()):
        try:
            return {"data": read_json(body, msgspec.Raw)}
        except Invalid as refusal:
            raise refusal.under("/data") from None
    if _UTF_8_TEXT.fullmatch(declared.strip().lower()):
        try:
            return {"data": body.decode()}
        except UnicodeDecodeError:
            pass
    return {"data_base64": base64.b64encode(body).decode()}
