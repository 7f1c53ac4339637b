"""Refusals: what they carry, and how they move under the value that holds theirs."""

from __future__ import annotations

import pytest

from domain.shared.errors import FieldProblem, Invalid, raise_all
from domain.timing.errors import InvalidCron

WRONG = FieldProblem("/expression", "SYNTAX", "minute 61 is out of range.", 0)


def test_a_problem_seen_from_above_has_the_longer_pointer_and_is_otherwise_the_same() -> None:
    assert WRONG.under("/trigger") == FieldProblem("/trigger/expression", "SYNTAX", "minute 61 is out of range.", 0)


def test_a_refusal_seen_from_above_keeps_its_code_and_order() -> None:
    moved = InvalidCron(WRONG, FieldProblem("", "X", "y")).under("/trigger")
    assert [p.pointer for p in moved.problems] == ["/trigger/expression", "/trigger"]
    assert (moved.code, Invalid.code) == ("INVALID_CRON", "INVALID")


def test_a_refusal_reads_as_its_problems() -> None:
    assert str(Invalid(WRONG, FieldProblem("", "X", "And this."))) == "minute 61 is out of range. And this."
    assert str(Invalid()) == "The request is invalid."


def test_all_problems_are_raised_as_one() -> None:
    with pytest.raises(Invalid) as refused:
        raise_all([WRONG, WRONG])
    assert refused.value.problems == (WRONG, WRONG)
    raise_all([])
