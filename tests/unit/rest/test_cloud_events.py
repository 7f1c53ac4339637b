"""CloudEvents as they come over HTTP: in three modes, and in all the wrong ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.exceptions import HTTPException

from domain.scheduling.inbound_event import LARGEST_EVENT, InboundEvent
from domain.shared.errors import Invalid
from interfaces.rest.scheduling.cloud_events import BATCH, MOST_EVENTS, STRUCTURED, read_events

PAID = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "com.shop.paid"}
HEADERS = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/shop", "ce-type": "com.shop.paid"}


def one(headers: dict[str, str], body: bytes) -> InboundEvent:
    (event,) = read_events(headers.items(), body)
    assert isinstance(event, InboundEvent)
    return event


def structured(event: object) -> InboundEvent:
    return one({"content-type": STRUCTURED}, json.dumps(event).encode())


def document(event: InboundEvent) -> Any:
    return json.loads(event.document)


def refused(headers: dict[str, str], body: bytes) -> list[tuple[str, str]]:
    """Pointers and codes."""
    with pytest.raises(Invalid) as refusal:
        read_events(headers.items(), body)
    return [(p.pointer, p.code) for p in refusal.value.problems]


def test_a_structured_event_is_kept_as_it_came() -> None:
    text = '{"specversion":"1.0","id":"7","source":"/shop","type":"t","data":{"amount":0.10,"n":12345678901234567890}}'
    event = one({"content-type": f"{STRUCTURED}; charset=utf-8"}, text.encode())
    assert (event.id, event.source, event.type) == ("7", "/shop", "t")
    assert event.document == text


@pytest.mark.parametrize(
    "more",
    [
        {"data": None},
        {"data": "text"},
        {"data": [1, {"a": None}]},
        {"data_base64": "AAEC"},
        {"time": "2031-05-06T12:00:00Z", "subject": "order 7", "dataschema": "https://shop/schema"},
        {"datacontenttype": "application/json", "traceparent": "00-1-1-1", "partition": 7, "sampled": True},
        {"subject": None},
    ],
)
def test_attributes_and_data_of_every_kind_are_taken(more: dict[str, Any]) -> None:
    given = {name: value for name, value in more.items() if value is not None}
    assert document(structured(PAID | more)) == PAID | given


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"specversion": "0.3"}, "/specversion", "MALFORMED"),
        ({"id": ""}, "/id", "MALFORMED"),
        ({"id": 7}, "/id", "MALFORMED"),
        ({"source": None}, "/source", "MALFORMED"),
        ({"type": "a\u0000"}, "/type", "SYNTAX"),
        ({"time": "yesterday"}, "/time", "MALFORMED"),
        ({"time": "2031-05-06T12:00:00"}, "/time", "MALFORMED"),
        ({"data_base64": "%%%"}, "/data_base64", "MALFORMED"),
        ({"data": 1, "data_base64": "AAEC"}, "/data_base64", "CONTRADICTION"),
        ({"myExtension": "a"}, "/myExtension", "SYNTAX"),
        ({"a/b~": "a"}, "/a~1b~0", "SYNTAX"),
        ({"extension": {"a": 1}}, "/extension", "MALFORMED"),
        ({"extension": []}, "/extension", "MALFORMED"),
        ({"id": "x" * 257}, "/id", "OUT_OF_RANGE"),
        ({"data": "x" * LARGEST_EVENT}, "", "TOO_LARGE"),
    ],
)
def test_what_is_no_event_is_refused_where_it_stands(change: dict[str, Any], pointer: str, code: str) -> None:
    text = json.dumps(PAID | change).encode()
    assert refused({"content-type": STRUCTURED}, text) == [(pointer, code)]


@pytest.mark.parametrize("missing", PAID)
def test_nothing_that_is_required_may_be_missing(missing: str) -> None:
    text = json.dumps({name: value for name, value in PAID.items() if name != missing}).encode()
    ((_, code),) = refused({"content-type": STRUCTURED}, text)
    assert code == "MALFORMED"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"7", b"null", b'{"id": "\xff"}', b"[" * 100_000])
def test_what_is_not_even_json_is_refused(text: bytes) -> None:
    assert refused({"content-type": STRUCTURED}, text)
    assert refused({"content-type": BATCH}, text if text != b"[]" else b"{}")


def test_a_batch_has_any_number_of_events_each_for_itself() -> None:
    batch = [PAID, PAID | {"id": ""}, 7, PAID | {"id": "8"}]
    found = read_events([("Content-Type", BATCH)], json.dumps(batch).encode())
    assert [e.id if isinstance(e, InboundEvent) else e.problems[0].pointer for e in found] == ["7", "/id", "", "8"]
    assert read_events([("Content-Type", BATCH)], b"[]") == []
    assert refused({"content-type": BATCH}, json.dumps([PAID] * (MOST_EVENTS + 1)).encode()) == [("", "MALFORMED")]


@pytest.mark.parametrize(
    ("content_type", "body", "members"),
    [
        ("application/json", b'{"amount":0.10}', {"data": {"amount": 0.1}}),
        ("application/json; charset=utf-8", b"null", {}),
        ("application/vnd.shop+json", b"[1]", {"data": [1]}),
        ("text/plain", "für".encode(), {"data": "für"}),
        ("text/csv; charset=utf-8", b"a;b", {"data": "a;b"}),
        ("text/plain; charset=latin-1", "für".encode("latin-1"), {"data_base64": "Zvxy"}),
        ("text/plain", b"\xff", {"data_base64": "/w=="}),
        ("image/png", b"\x89PNG", {"data_base64": "iVBORw=="}),
        ("application/json", b"", {}),
    ],
)
def test_the_data_of_a_binary_event_is_the_body(content_type: str, body: bytes, members: dict[str, Any]) -> None:
    event = one({**HEADERS, "content-type": content_type}, body)
    assert document(event) == PAID | {"datacontenttype": content_type} | members


def test_without_a_type_the_body_of_a_binary_event_is_json() -> None:
    assert document(one(HEADERS, b"[1]")) == PAID | {"data": [1]}
    assert document(one(HEADERS, b"")) == PAID
    assert refused(HEADERS, b"{") == [("/data", "MALFORMED")]


def test_headers_are_percent_encoded_and_may_stand_in_quotes() -> None:
    headers = HEADERS | {"CE-Subject": "gr%C3%BC%C3%9Fe%20%25", "ce-owner": '"a \\"quoted\\" one"'}
    found = document(one(headers, b""))
    assert (found["subject"], found["owner"]) == ("grüße %", 'a "quoted" one')


@pytest.mark.parametrize(
    ("headers", "pointer", "code"),
    [
        ({"ce-subject": "%FF"}, "/subject", "SYNTAX"),
        ({"ce-data": "x"}, "/data", "CONTRADICTION"),
        ({"ce-datacontenttype": "x"}, "/datacontenttype", "CONTRADICTION"),
        ({"ce-my-extension": "x"}, "/my-extension", "SYNTAX"),
        ({"CE-ID": "8"}, "/id", "DUPLICATE"),
        ({"ce-time": "now"}, "/time", "MALFORMED"),
    ],
)
def test_headers_that_make_no_event_are_refused(headers: dict[str, str], pointer: str, code: str) -> None:
    assert refused(HEADERS | headers, b"") == [(pointer, code)]


@pytest.mark.parametrize(
    "headers", [{}, {"content-type": "application/json"}, {**HEADERS, "content-type": "application/cloudevents+avro"}]
)
def test_what_does_not_say_that_it_is_an_event_is_told_how_to(headers: dict[str, str]) -> None:
    with pytest.raises(HTTPException) as refusal:
        read_events(headers.items(), json.dumps(PAID).encode())
    assert refusal.value.status_code == 415
    assert "ce-specversion" in refusal.value.detail


headers = st.dictionaries(
    st.sampled_from(["content-type", "ce-id", "ce-source", "ce-type", "ce-specversion", "ce-time", "ce-x", "accept"]),
    st.sampled_from([STRUCTURED, BATCH, "text/plain", "1.0", '"', "%", "%ff", "7", ""]) | st.text(max_size=5),
)
texts = st.binary(max_size=20) | st.sampled_from([json.dumps(PAID).encode(), json.dumps([PAID, 7]).encode()])


@given(headers, texts)
def test_whatever_comes_is_an_event_or_a_refusal(headers: dict[str, str], body: bytes) -> None:
    try:
        found = read_events(headers.items(), body)
    except (Invalid, HTTPException):
        return
    assert all(isinstance(each, InboundEvent | Invalid) for each in found)
