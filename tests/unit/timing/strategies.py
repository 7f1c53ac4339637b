"""Generators of expressions, times and zones for the property tests, and short ways to write times down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st

from domain.shared.errors import Invalid
from domain.timing.cron import CronExpression, DayMatch

# A slow machine is not a defect: nothing here depends on how long generating or running takes.
quick = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
thorough = settings(quick, max_examples=120)


def local(text: str) -> datetime:
    """A naive local time."""
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    """An instant, written in UTC without saying so."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _field(low: int, high: int, most: int = 3) -> st.SearchStrategy[str]:
    """Any mixture of plain items over low..high."""
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, high + 5)
    item = st.one_of(
        number.map(str),
        span,
        st.builds("{}/{}".format, st.one_of(st.just("*"), number.map(str), span), step),
    )
    return st.one_of(st.just("*"), st.lists(item, min_size=1, max_size=most).map(",".join))


MINUTES, HOURS, DAYS, WEEKDAYS = _field(0, 59), _field(0, 23), _field(1, 31), _field(0, 7)
MONTHS = st.one_of(st.just("*"), _field(1, 12), st.sampled_from(["jan", "feb-apr", "2", "jun/5", "DEC"]))
NAMED_WEEKDAYS = st.sampled_from(["sun", "mon-fri", "fri-mon", "sat-sun", "5-1/2", "7", "0,7", "WED/2", "?"])
SPECIAL_DAYS = st.one_of(
    st.sampled_from(["L", "LW", "l", "?", "L,1", "15w,LW", "L-1,10-12"]),
    st.integers(0, 30).map(lambda n: f"L-{n}"),
    st.integers(1, 31).map(lambda n: f"{n}W"),
)
SPECIAL_WEEKDAYS = st.one_of(
    st.sampled_from(["friL", "tue#2,5L", "1,3#1"]),
    st.integers(0, 7).map(lambda d: f"{d}L"),
    st.builds("{}#{}".format, st.integers(0, 7), st.integers(1, 5)),
)

plain_texts = st.tuples(MINUTES, HOURS, DAYS, MONTHS, st.one_of(WEEKDAYS, NAMED_WEEKDAYS)).map(" ".join)
any_texts = st.tuples(
    MINUTES,
    HOURS,
    st.one_of(st.just("*"), DAYS, SPECIAL_DAYS),
    st.one_of(st.just("*"), MONTHS),
    st.one_of(st.just("*"), WEEKDAYS, NAMED_WEEKDAYS, SPECIAL_WEEKDAYS),
).map(" ".join)
day_matches = st.sampled_from(DayMatch)
local_times = st.datetimes(datetime.fromisoformat("1971-01-01"), datetime.fromisoformat("2199-12-31"))


@st.composite
def expressions(draw: st.DrawFn, texts: st.SearchStrategy[str] = any_texts) -> CronExpression:
    """A valid expression with any day rule; those that are refused are left aside."""
    try:
        return CronExpression.parse(draw(texts), draw(day_matches))
    except Invalid:
        assume(False)
        raise


CLOCK_CHANGES = {
    "Europe/Berlin": ["2025-03-30T01:00", "2025-10-26T01:00"],
    "America/New_York": ["2025-03-09T07:00", "2025-11-02T06:00"],
    "Australia/Lord_Howe": ["2025-04-05T15:00", "2025-10-04T15:30"],  # half an hour
    "Antarctica/Troll": ["2025-03-30T01:00", "2025-10-26T01:00"],  # two hours
    "Africa/Cairo": ["2024-04-25T22:00", "2024-10-31T21:00"],  # at midnight
    "America/Santiago": ["2024-04-07T03:00", "2024-09-08T04:00"],  # at midnight
    "Asia/Beirut": ["2024-03-30T22:00", "2024-10-26T21:00"],  # at midnight
    "Pacific/Apia": ["2011-12-30T10:00", "2011-09-24T14:00"],  # a whole day is missing
    "Europe/Dublin": ["2025-03-30T01:00", "2025-10-26T01:00"],  # winter time is the exception
}
"""Zones and instants (UTC) at which their clocks were changed."""

clock_changes = st.sampled_from([(zone, utc(at)) for zone, times in CLOCK_CHANGES.items() for at in times])
instants_near = st.one_of(
    st.timedeltas(-timedelta(hours=30), timedelta(hours=30)), st.timedeltas(-timedelta(hours=1), timedelta(hours=1))
)
"""Distances from a clock change; half of them from within it."""
