"""Bodies are read strictly, and whatever is sent, the worst that comes of it is a refusal that says where."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.scheduling.job_document import JobChanges, JobDocument
from domain.scheduling.settlement import ReportOutcome
from domain.shared.errors import FieldProblem
from interfaces.rest.bodies import Malformed, instant, object_text, read_json, text_of
from interfaces.rest.executor_api.exchange import Claim
from interfaces.rest.executor_api.report import ReportBody, outcomes_of, read_reports
from interfaces.rest.executor_api.sessions import Registration
from interfaces.rest.scheduling.submission import Submission

SHAPES = [JobDocument, JobChanges, Submission, Claim, ReportBody, Registration]
NAMES = ["taskId", "token", "kind", "lines", "result", "error", "name", "type", "trigger", "retry", "epoch", "labels"]
WORDS = st.sampled_from(["LOG", "COMPLETE", "CRON", "01a202e0-f769-70cd-bf55-249f8e2bfdd5", "PT5S", "", "\0", "\u20ac"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=6),
)


def problem_of(text: bytes, shape: type) -> FieldProblem:
    with pytest.raises(Malformed) as refusal:
        read_json(text, shape)
    (problem,) = refusal.value.problems
    return problem


@given(st.binary(), st.sampled_from(SHAPES))
def test_no_bytes_whatsoever_are_more_than_malformed(text: bytes, shape: type) -> None:
    with suppress(Malformed):
        assert isinstance(read_json(text, shape), shape)


@given(VALUES, st.sampled_from(SHAPES))
def test_no_json_whatsoever_is_more_than_malformed(value: object, shape: type) -> None:
    with suppress(Malformed):
        assert isinstance(read_json(msgspec.json.encode(value), shape), shape)


def test_a_place_in_broken_json_is_counted_in_bytes() -> None:
    assert problem_of(b'{"name" "a"}', JobDocument).offset == 8
    assert problem_of(b'{"name": "a",', JobDocument).offset == 13
    assert problem_of(b'{"name": "\xc3("}', JobDocument).offset == 10


def test_what_is_nested_beyond_reason_is_refused() -> None:
    deep = b'{"result": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert "nested" in problem_of(deep, ReportBody).detail


def test_raw_parts_are_text_unless_they_are_absent_or_null() -> None:
    assert text_of(msgspec.Raw()) is None
    assert text_of(msgspec.Raw(b"null")) is None
    assert text_of(msgspec.Raw(b'"null"')) == '"null"'
    assert object_text(msgspec.Raw(b'{"a": 1}'), "/p") == '{"a": 1}'
    for text in (b"[]", b"1", b'"{}"'):
        with pytest.raises(Malformed) as refusal:
            object_text(msgspec.Raw(text), "/p")
        assert refusal.value.problems[0].pointer == "/p"


def test_a_time_is_an_instant_only_with_an_offset() -> None:
    assert instant(datetime(2031, 1, 1, tzinfo=UTC), "/at") == datetime(2031, 1, 1, tzinfo=UTC)
    with pytest.raises(Malformed):
        instant(datetime(2031, 1, 1), "/at")  # noqa: DTZ001 - that is the point


@given(st.lists(VALUES, max_size=5))
def test_each_report_has_an_outcome_whatever_it_is(values: list[object]) -> None:
    texts = [msgspec.Raw(msgspec.json.encode(value)) for value in values]
    reports, refused = read_reports(texts)
    outcomes = outcomes_of(reports, [ReportOutcome.APPLIED] * len(reports), refused)
    assert len(outcomes) == len(texts)
    for place, outcome in enumerate(outcomes):
        assert (outcome.outcome is ReportOutcome.INVALID) == (place in refused)
        assert (outcome.problem is not None) == (place in refused)


def test_a_long_error_is_cut_so_that_an_attempt_can_always_fail() -> None:
    error = {"code": "X" * 1000, "message": "m" * 100_000, "stack": "s" * 100_000}
    body = {"taskId": "01a202e0-f769-70cd-bf55-249f8e2bfdd5", "token": 1, "kind": "FAIL", "error": error}
    (report,), refused = read_reports([msgspec.Raw(msgspec.json.encode(body))])
    assert refused == {}
    assert report.error is not None
    assert report.error.stack is not None
    assert (len(report.error.code), len(report.error.message), len(report.error.stack)) == (128, 16384, 65536)
