"""Durations are read as people write them, written canonically, and refused with the place of the mistake."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.errors import FieldProblem
from domain.timing.duration import LONGEST, format_duration, parse_duration
from domain.timing.errors import InvalidDuration
from tests.unit.timing.strategies import thorough

durations = st.timedeltas(timedelta(0), LONGEST)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("PT5M", timedelta(minutes=5)),
        ("PT0S", timedelta(0)),
        ("P1D", timedelta(days=1)),
        ("P2W", timedelta(weeks=2)),
        ("P1W2DT3H4M5S", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
        ("PT90M", timedelta(minutes=90)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("PT1,25S", timedelta(milliseconds=1250)),
        ("PT0.000001S", timedelta(microseconds=1)),
        ("PT0.1000000000S", timedelta(milliseconds=100)),
        ("pt5m", timedelta(minutes=5)),
        ("5m", timedelta(minutes=5)),
        ("30s", timedelta(seconds=30)),
        ("1.5s", timedelta(seconds=1.5)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("2w", timedelta(weeks=2)),
        ("500ms", timedelta(milliseconds=500)),
        ("1h30m", timedelta(minutes=90)),
        ("1m500ms", timedelta(minutes=1, milliseconds=500)),
        ("1d2h3m4s5ms", timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5)),
        ("1H30M", timedelta(minutes=90)),
        ("0s", timedelta(0)),
        ("P36525D", LONGEST),
    ],
)
def test_a_duration_means_what_it_says(text: str, meaning: timedelta) -> None:
    assert parse_duration(text) == meaning


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("", "SYNTAX", 0),
        ("5", "SYNTAX", 0),
        ("m", "SYNTAX", 0),
        ("five minutes", "SYNTAX", 0),
        ("P", "SYNTAX", 1),
        ("PT", "SYNTAX", 2),
        ("P1DT", "SYNTAX", 4),
        ("P1M", "SYNTAX", 1),  # a month has no fixed length
        ("P1Y", "SYNTAX", 1),
        ("PT5", "SYNTAX", 2),
        ("PT1.5H", "SYNTAX", 2),
        ("PT5M3H", "SYNTAX", 4),
        ("-PT5M", "SYNTAX", 0),
        ("PT-5M", "SYNTAX", 2),
        ("30m1h", "SYNTAX", 3),
        ("1h 30m", "SYNTAX", 2),
        ("5m ", "SYNTAX", 2),
        ("1.5h", "SYNTAX", 0),
        ("5m5m", "SYNTAX", 2),
        ("٥m", "SYNTAX", 0),  # digits of other scripts
        ("PT0.0000001S", "TOO_FINE", 10),
        ("P36526D", "OUT_OF_RANGE", 0),
        ("P99999999999999999999D", "OUT_OF_RANGE", 0),
        ("9" * 65 + "s", "TOO_LONG", 64),
    ],
)
def test_what_is_not_a_duration_is_refused_with_the_place(text: str, code: str, offset: int) -> None:
    with pytest.raises(InvalidDuration) as refusal:
        parse_duration(text)
    (problem,) = refusal.value.problems
    assert (problem.pointer, problem.code, problem.offset) == ("", code, offset)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "PT0S"),
        (timedelta(minutes=5), "PT5M"),
        (timedelta(seconds=90), "PT1M30S"),
        (timedelta(days=1), "P1D"),
        (timedelta(hours=36), "P1DT12H"),
        (timedelta(days=14), "P14D"),
        (timedelta(milliseconds=1500), "PT1.5S"),
        (timedelta(microseconds=10), "PT0.00001S"),
        (timedelta(hours=10, seconds=20), "PT10H20S"),
    ],
)
def test_a_duration_is_written_in_its_shortest_iso_form(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


def test_a_negative_duration_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="not negative"):
        format_duration(-timedelta(seconds=1))


@thorough
@given(durations)
def test_what_was_written_reads_back_exactly(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@thorough
@given(durations)
def test_writing_is_canonical(duration: timedelta) -> None:
    text = format_duration(duration)
    assert format_duration(parse_duration(text)) == text


@thorough
@given(st.text(alphabet="PTWDHMSptwdhms0123456789., -", max_size=20))
def test_any_text_is_either_a_duration_or_refused_with_a_place_in_it(text: str) -> None:
    assert all(p.offset is not None and 0 <= p.offset <= len(text) for p in problems_of(text))


def problems_of(text: str) -> tuple[FieldProblem, ...]:
    try:
        parse_duration(text)
    except InvalidDuration as refusal:
        return refusal.problems
    return ()
