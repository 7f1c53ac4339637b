"""Filters of events: what they answer, what is refused and where, and that they end."""

from __future__ import annotations

import json

import pytest

from domain.shared.json_value import JsonText
from domain.timing.errors import InvalidTrigger
from infrastructure.cel import CelFilters

FILTERS = CelFilters()
EVENT = JsonText(
    json.dumps({"id": "7", "type": "paid", "data": {"amount": 150, "lines": [{"sku": "a"}, {"sku": "b"}]}})
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("true", True),
        ("event.data.amount > 100", True),
        ("event.data.amount > 100.5", True),
        ("event.data.amount > 1000 || event.type == 'paid'", True),
        ("event.data.lines.exists(line, line.sku == 'b')", True),
        ("event.data.lines.all(line, line.sku == 'b')", False),
        ("event.id.matches('^[0-9]+$')", True),
        ("has(event.data.missing) && event.data.missing > 1", False),
        ("event.data.missing > 1", False),
        ("event.data.amount > 'a'", False),
        ("event.data.amount", False),
    ],
)
def test_only_what_answers_true_matches(text: str, answer: bool) -> None:
    FILTERS.check(text)
    assert FILTERS.matches(text, EVENT) is answer


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("", "OUT_OF_RANGE", None),
        ("a" * 10_000, "OUT_OF_RANGE", None),
        ("event.id ==", "SYNTAX", 11),
        ("event.id == 7 &&\n true", "SYNTAX", 16),
        ("1 + 'a' == 2", "SYNTAX", 2),
        ("data.amount > 5", "SYNTAX", 4),
        ("event.id == nothing", "SYNTAX", 12),
        ("(" * 400 + "true" + ")" * 400, "SYNTAX", 0),
        ("'text'", "WRONG_TYPE", 0),
        ("event.data.lines.map(line, line.sku) == ['a']", "NOT_SUPPORTED", 16),
    ],
)
def test_what_is_no_filter_is_refused_where_it_is_wrong(text: str, code: str, offset: int | None) -> None:
    with pytest.raises(InvalidTrigger) as refusal:
        FILTERS.check(text)
    (problem,) = refusal.value.problems
    assert (problem.pointer, problem.code, problem.offset) == ("/filter", code, offset)


def test_a_filter_that_would_take_for_ever_ends_and_does_not_match() -> None:
    large = JsonText(json.dumps({"data": [*range(9000)]}))
    nested = "event.data.all(a, event.data.all(b, event.data.all(c, a + b + c >= 0)))"
    FILTERS.check(nested)
    assert not FILTERS.matches(nested, large)
    assert FILTERS.matches("event.data.all(a, a >= 0)", large)
