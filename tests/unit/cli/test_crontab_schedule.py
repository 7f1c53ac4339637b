"""The time fields of a crontab line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.errors import Invalid
from domain.timing.cron import CronExpression
from interfaces.cli.crontab.schedule import ScheduleRefused, read_schedule


@pytest.mark.parametrize(
    ("line", "expression"),
    [
        ("* * * * * true", "* * * * *"),
        ("17 *\t* * *\troot\tcd /", "17 * * * *"),
        ("  5-55/10 * * * * sa1", "5-55/10 * * * *"),
        ("0 8,12,18 1-7 jan-mar,DEC Mon-FRI x", "0 8,12,18 1-7 jan-mar,DEC Mon-FRI"),
        ("0 0 * * 7 x", "0 0 * * 7"),
        ("0 0 * * fri-sun,sat-1 x", "0 0 * * fri-sun,sat-1"),
        ("*/5,1-9/2 * * * * x", "*/5,1-9/2 * * * *"),
        ("0 0 L * 5L x", "0 0 L * 5L"),
        ("0 0 15W * mon#2 x", "0 0 15W * mon#2"),
        ("@daily x", "@daily"),
        ("@Hourly x", "@hourly"),
    ],
)
def test_a_schedule_is_taken_in_its_own_words_with_blanks_normalised(line: str, expression: str) -> None:
    assert read_schedule(line).expression == expression


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("61 * * * * x", 1, "field 1 (minute): '61' is not in 0-59"),
        ("0 24 * * * x", 3, "field 2 (hour): '24' is not in 0-23"),
        ("0 0 0 * * x", 5, "field 3 (day of month): '0' is not in 1-31"),
        ("0 0 1,2,32 * * x", 9, "'32' is not in 1-31"),
        ("0 0 * 13 * x", 7, "field 4 (month): '13' is not in 1-12, jan-dec"),
        ("0 0 * * 8 x", 9, "field 5 (day of week): '8' is not in 0-7, sun-sat"),
        ("0 0 * * monday x", 9, "'monday' is not in"),
        ("0 22-2 * * * x", 3, "ends before it begins"),
        ("*/0 * * * * x", 1, "a step is a whole number from 1"),
        ("*/ * * * * x", 1, "a step is a whole number from 1"),
        ("5/15 * * * * x", 1, "write 5-59/15, or 5"),
        ("1,,2 * * * * x", 3, "an item is missing beside a comma"),
        ("*-5 * * * * x", 1, "a range has two ends"),
        ("0 ~ * * * x", 3, "at random"),
        ("0~30 * * * * x", 1, "at random"),
        ("H/15 * * * * x", 1, "Jenkins"),
        ("H(0-29) * * * * x", 1, "Jenkins"),
        ("* * ! * * x", 5, "'!' is not a number, a range or a step: allowed is 1-31"),
        ("٣ * * * * x", 1, "'٣' is not in 0-59"),
        ("@reboot x", 1, "start of one machine"),
        ("@every 5m x", 1, "@every is not known"),
        ("0 4 * *", 1, "this one has 4 words"),
        ("hello", 1, "this one has 1 word"),
    ],
)
def test_a_wrong_schedule_is_refused_with_the_field_the_column_and_what_is_allowed(
    line: str, column: int, words: str
) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        read_schedule(line)
    assert words in refused.value.reason
    assert refused.value.column == column


def test_the_rest_of_the_line_begins_where_the_schedule_ends() -> None:
    line = "0 2 * * *  pg_dump shop"
    assert line[read_schedule(line).end :] == "  pg_dump shop"
    assert "@daily\tx"[read_schedule("@daily\tx").end :] == "\tx"


values = st.one_of(st.integers(0, 61).map(str), st.sampled_from(["jan", "DEC", "sun", "Sat", "x"]))
ranges = st.one_of(st.just("*"), st.tuples(values, values).map("-".join))
stepped = st.tuples(ranges, st.integers(0, 70)).map(lambda pair: f"{pair[0]}/{pair[1]}")
lists = st.lists(st.one_of(values, ranges, stepped), min_size=1, max_size=3).map(",".join)


@given(st.integers(0, 4), lists)
def test_the_reader_takes_what_the_platform_takes_and_refuses_the_rest(position: int, field: str) -> None:
    fields = ["*"] * 5
    fields[position] = field
    assert _refused_by_reader(" ".join(fields)) == _refused_by_platform(" ".join(fields))


def _refused_by_reader(expression: str) -> bool:
    try:
        read_schedule(f"{expression} true")
    except ScheduleRefused:
        return True
    return False


def _refused_by_platform(expression: str) -> bool:
    try:
        CronExpression.parse(expression)
    except Invalid:
        return True
    return False
