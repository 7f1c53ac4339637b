"""The published shape of a job: what it takes, what it leaves out, how it refuses."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.scheduling.job_document import (
    JobChanges,
    JobDocument,
    RetryDocument,
    cached_document,
    decode_document,
    encode_document,
)
from application.scheduling.shapes import shape_problem
from application.scheduling.triggers.cron import CronDocument
from application.scheduling.triggers.manual import ManualDocument
from domain.shared.errors import FieldProblem, Invalid

SMALLEST = {"name": "backup", "type": "COMMAND"}


def decoded(**fields: Any) -> JobDocument:
    return decode_document(json.dumps(SMALLEST | fields))


def refused(text: bytes | str) -> FieldProblem:
    """The one problem for which a text is no document."""
    with pytest.raises(Invalid) as refusal:
        decode_document(text)
    (problem,) = refusal.value.problems
    assert problem.code == "MALFORMED"
    assert problem.detail.endswith((".", "?"))
    return problem


def test_a_name_and_a_type_are_enough() -> None:
    assert decoded() == JobDocument(name="backup", type="COMMAND")


def test_what_has_its_default_is_left_out() -> None:
    assert json.loads(encode_document(decoded())) == SMALLEST
    assert json.loads(encode_document(decoded(priority="HIGH", retry={"maxAttempts": 5}))) == SMALLEST | {
        "priority": "HIGH", "retry": {"maxAttempts": 5}
    }  # fmt: skip


def test_a_trigger_says_its_type_in_the_document() -> None:
    trigger = {"type": "CRON", "expression": "0 2 * * *", "timeZone": "Europe/Berlin"}
    document = decoded(trigger=trigger)
    assert document.trigger == CronDocument(expression="0 2 * * *", time_zone="Europe/Berlin")
    assert json.loads(encode_document(document))["trigger"] == trigger
    assert decoded(trigger={"type": "MANUAL"}).trigger == ManualDocument()


@pytest.mark.parametrize(
    ("fields", "pointer", "told"),
    [
        ({"retry": {"maxAttempts": "3"}}, "/retry/maxAttempts", "Expected `int"),
        ({"retry": {"tries": 3}}, "/retry/tries", "unknown field `tries`. Known here: maxAttempts, delay,"),
        ({"a/b~c": {}}, "/a~1b~0c", "unknown field `a/b~c`. Known here: name, type,"),
        ({"retries": 1}, "/retries", "unknown field `retries`. Did you mean `retry`?"),
        ({"trigger": {"type": "SOMETIMES"}}, "/trigger/type", "'SOMETIMES'; it is one of ANY_OF, CRON,"),
        ({"trigger": {}}, "/trigger", "required field `type`"),
        ({"trigger": {"type": "CRON"}}, "/trigger", "required field `expression`"),
        ({"trigger": {"type": "MANUAL", "jitter": "5s"}}, "/trigger/jitter", "unknown field `jitter`."),
        (
            {"trigger": {"type": "ANY_OF", "triggers": [{"type": "CRON", "expression": "@daily", "every": "5s"}]}},
            "/trigger/triggers/0/every",
            "Known here: startAt, endAt, maxExecutions, jitter, window, calendar, expression, timeZone",
        ),
        ({"misfire": {"policy": "LATER"}}, "/misfire/policy", "'LATER'; it is one of FIRE_ALL, FIRE_ONCE, SKIP."),
        ({"placement": {"requires": {"a.b": 1}}}, "/placement/requires/*", "Expected `str`"),
        ({"tags": ["a", 1]}, "/tags/1", "Expected `str`"),
        ({"priority": None}, "/priority", "Expected `int | str`"),
        ({"parameters": []}, "/parameters", "Expected `object`"),
        ({"name": 7}, "/name", "Expected `str`"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(fields: dict[str, Any], pointer: str, told: str) -> None:
    problem = refused(json.dumps(SMALLEST | fields))
    assert problem.pointer == pointer
    assert told in problem.detail


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"backup"', '{"name":"backup"}', '{"name":"a","type":"b"} x'])
def test_a_text_that_is_no_document_is_refused(text: str) -> None:
    assert refused(text).pointer == ""


@pytest.mark.parametrize("text", [b'{"name":"\xff"}', b"\xff", '{"name":"\ud800"}', b'{"name":"\\ud800"}'])
def test_a_text_that_is_no_unicode_is_refused(text: bytes | str) -> None:
    assert refused(text).pointer == ""


def test_a_text_that_is_nested_without_end_is_refused() -> None:
    assert "too deeply" in refused('{"name":"a","type":"b","parameters":{"a":' + "[" * 100_000).detail


@given(st.binary(max_size=60))
def test_no_bytes_do_more_harm_than_a_refusal(text: bytes) -> None:
    with suppress(Invalid):
        assert decode_document(text).name


def test_a_message_without_a_path_points_to_the_whole() -> None:
    assert shape_problem("JSON is malformed") == FieldProblem("", "MALFORMED", "JSON is malformed.")
    assert shape_problem("Expected `str` - at `key in $.a.b[...]`").pointer == "/a/b/*"


def test_what_is_allowed_is_told_even_if_worse_follows() -> None:
    problem = refused('{"name": "a", "type": "b", "overlap": "MAYBE", "tags": [')
    assert problem.pointer == "/overlap"
    assert problem.detail.startswith("Invalid enum value 'MAYBE'; it is one of ALLOW, BUFFER_ALL,")


def test_equal_texts_share_one_document() -> None:
    text = encode_document(decoded(tags=["a"]))
    assert cached_document(text) is cached_document("".join(text))


def changed(document: JobDocument, **changes: Any) -> JobDocument:
    return msgspec.json.decode(json.dumps(changes), type=JobChanges).applied_to(document)


FULL = decoded(
    description="nightly", handler="a.b", parameters={"a": 1}, trigger={"type": "CRON", "expression": "@daily"},
    priority=7, retry={"maxAttempts": 5}, timeouts={"execution": "5m"}, overlap="ALLOW",
    misfire={"policy": "SKIP"}, placement={"pool": "gpu"}, concurrency={"limit": 2},
    rateLimit={"limit": 2, "per": "PT1M"}, fairness={"key": "k"}, tags=["t"], owner="ann",
    dependencies=[{"job": "a"}], dependencyPolicy={"join": "ANY"},
)  # fmt: skip


def test_no_changes_change_nothing() -> None:
    assert changed(FULL) == FULL


def test_a_change_replaces_its_field_and_leaves_the_others() -> None:
    after = changed(FULL, retry={"maxLost": 0}, owner="bob")
    assert after == msgspec.structs.replace(FULL, retry=RetryDocument(max_lost=0), owner="bob")


@pytest.mark.parametrize("field", JobChanges.__struct_fields__)
def test_null_takes_a_field_back_to_its_default(field: str) -> None:
    default = getattr(JobDocument(name="backup", type="COMMAND"), field)
    assert getattr(FULL, field) != default
    (name,) = [f.encode_name for f in msgspec.structs.fields(JobChanges) if f.name == field]
    after = changed(FULL, **{name: None})
    assert after == msgspec.structs.replace(FULL, **{field: default})


def test_everything_but_name_type_and_activation_can_be_changed() -> None:
    assert set(JobDocument.__struct_fields__) - set(JobChanges.__struct_fields__) == {"name", "type", "active"}
    with pytest.raises(msgspec.ValidationError, match="unknown field `name`"):
        changed(FULL, name="other")
