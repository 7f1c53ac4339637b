"""Durations as people write them: ISO 8601 (`PT5M`) or short (`1h30m`)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from domain.shared.errors import FieldProblem
from domain.timing.errors import InvalidDuration

LONGEST: Final = timedelta(days=36_525)
"""A hundred years: more is a slip of the pen, and `instant + duration` stays inside the calendar."""

_ISO = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)(?:[.,](?P<fraction>\d+))?S)?)?",
    re.ASCII | re.IGNORECASE,
)
_SHORT = re.compile(
    r"(?:(?P<weeks>\d+)w)?(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m(?!s))?"
    r"(?:(?P<seconds>\d+)(?:\.(?P<fraction>\d+))?s)?(?:(?P<milliseconds>\d+)ms)?",
    re.ASCII | re.IGNORECASE,
)
_UNITS: Final = {
    "weeks": timedelta(weeks=1),
    "days": timedelta(days=1),
    "hours": timedelta(hours=1),
    "minutes": timedelta(minutes=1),
    "seconds": timedelta(seconds=1),
    "milliseconds": timedelta(milliseconds=1),
}
_ALLOWED: Final = "write it like PT5M, P1DT12H, PT0.5S, or like 30s, 5m, 1h30m, 2d, 500ms"
_MAX_LENGTH: Final = 64


def parse_duration(text: str) -> timedelta:
    """The duration that `text` means: ISO 8601 `PnWnDTnHnMnS`, or `w d h m s ms`, largest unit first, each once.

    A day is 24 hours. Only seconds may have a fraction, down to a microsecond. Upper and lower case are the same.
    There are no negative durations, no months and years (they have no fixed length), no numbers without a unit.
    Raises `InvalidDuration`.
    """
    if len(text) > _MAX_LENGTH:
        raise _invalid("TOO_LONG", f"A duration has at most {_MAX_LENGTH} characters; {_ALLOWED}.", _MAX_LENGTH)
    iso = text[:1] in ("P", "p")
    match = (_ISO if iso else _SHORT).match(text)
    understood = match.end() if match else 0
    if match is None or understood < len(text) or understood == 0 or text[-1] in "PpTt":
        raise _invalid("SYNTAX", f'"{text}" is not a duration: {_ALLOWED}.', understood)
    fraction = (match["fraction"] or "").rstrip("0")
    if len(fraction) > 6:
        raise _invalid("TOO_FINE", f'"{text}" is finer than a microsecond.', match.start("fraction") + 6)
    try:
        total = timedelta(microseconds=int(fraction.ljust(6, "0")))
        for name, count in match.groupdict(default="0").items():
            if name != "fraction":
                total += int(count) * _UNITS[name]
    except OverflowError:
        total = timedelta.max
    if total > LONGEST:
        raise _invalid("OUT_OF_RANGE", f'"{text}" is longer than {LONGEST.days} days (100 years).', 0)
    return total


def format_duration(duration: timedelta) -> str:
    """The canonical ISO 8601 form (`P1D`, `PT1M30S`, `PT0S`), which `parse_duration` reads back exactly.

    Raises `ValueError` for a negative duration.
    """
    if duration < timedelta(0):
        raise ValueError(f"a duration is not negative: {duration!r}")
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    second_text = f"{seconds}.{duration.microseconds:06}".rstrip("0") if duration.microseconds else str(seconds)
    date = f"{duration.days}D" if duration.days else ""
    time = "".join(
        f"{count}{unit}" for count, unit in ((str(hours), "H"), (str(minutes), "M"), (second_text, "S")) if count != "0"
    )
    if not date and not time:
        return "PT0S"
    return f"P{date}T{time}" if time else f"P{date}"


def _invalid(code: str, detail: str, offset: int) -> InvalidDuration:
    return InvalidDuration(FieldProblem("", code, detail, offset))
