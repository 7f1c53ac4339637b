"""The time fields of a crontab line: finds them, and says what is wrong with them and in which column."""

from __future__ import annotations

import re
from dataclasses import dataclass

MACROS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()  # the first stands for `low`
    beyond_cron: re.Pattern[str] | None = None  # what the platform knows and cron does not

    def allowed(self) -> str:
        return f"{self.low}-{self.high}" + (f", {self.names[0]}-{self.names[-1]}" if self.names else "")


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31, (), re.compile(r"\?|L(-\d+)?|LW|\d+W", re.IGNORECASE)),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _WEEKDAYS, re.compile(r"\?|\w+#\d|\w+L|L", re.IGNORECASE)),
)
_WORD = re.compile(r"[^ \t]+")
_ITEM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\w*))?")


@dataclass(frozen=True, slots=True)
class Schedule:
    """An expression in the words of the line, blanks normalised, and where the rest of the line begins (from 0)."""

    expression: str
    end: int


class ScheduleRefused(ValueError):
    """The time fields mean nothing, or nothing the platform does. `column` counts from 1."""

    def __init__(self, reason: str, column: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column


def read_schedule(line: str) -> Schedule:
    """The schedule at the start of `line`; raises `ScheduleRefused`."""
    words = list(_WORD.finditer(line))
    if words and words[0].group().startswith("@"):
        return _macro(words[0])
    if len(words) < 5:
        found = f"{len(words)} word{'' if len(words) == 1 else 's'}"
        raise ScheduleRefused(f"a line has five time fields and a command, this one has {found}", 1)
    for number, (word, field) in enumerate(zip(words, _FIELDS, strict=False), start=1):
        _check(word, field, number)
    return Schedule(" ".join(word.group() for word in words[:5]), words[4].end())


def _macro(word: re.Match[str]) -> Schedule:
    macro = word.group().lower()
    if macro in MACROS:
        return Schedule(macro, word.end())
    column = word.start() + 1
    if macro == "@reboot":
        raise ScheduleRefused(
            "@reboot is bound to the start of one machine, and a schedule has times only: "
            "leave it to that machine's cron, or make it a service there",
            column,
        )
    raise ScheduleRefused(f"{word.group()} is not known: {', '.join(MACROS)} are", column)


def _check(word: re.Match[str], field: _Field, number: int) -> None:
    column = word.start() + 1
    for item in word.group().split(","):
        reason = _refusal(item, field)
        if reason:
            raise ScheduleRefused(f"field {number} ({field.name}): {reason}", column)
        column += len(item) + 1


def _refusal(item: str, field: _Field) -> str | None:
    if not item:
        return "an item is missing beside a comma"
    if "~" in item:
        return f"'{item}' is a time chosen at random by each cron for itself: write a fixed one"
    if item[0] in "Hh" and item[1:2] in ("", "(", "/"):
        return f"'{item}' is Jenkins' own: write a fixed time"
    if field.beyond_cron and field.beyond_cron.fullmatch(item):
        return None  # the server knows these and judges them
    match = _ITEM.fullmatch(item)
    if not match:
        return f"'{item}' is not a number, a range or a step: allowed is {field.allowed()}"
    return _refused_range(item, match, field)


def _refused_range(item: str, match: re.Match[str], field: _Field) -> str | None:
    first, last, step = match["first"], match["last"], match["step"]
    if first == "*" and last is not None:
        return f"'{item}': a range has two ends"
    bounds = []
    for text in (first, last):
        if text not in (None, "*"):
            value = _value(text, field)
            if value is None or not field.low <= value <= field.high:
                return f"'{text}' is not in {field.allowed()}"
            bounds.append(value)
    if bounds != sorted(bounds) and field.names is not _WEEKDAYS:  # fri-mon is plain to everybody
        return f"'{first}-{last}' ends before it begins: write two ranges with a comma between"
    if step is not None:
        if not re.fullmatch("[0-9]{1,4}", step) or int(step) == 0:
            return f"'{item}': a step is a whole number from 1"
        if first != "*" and last is None:
            return f"'{item}': crons disagree on a step without a range: write {first}-{field.high}/{step}, or {first}"
    return None


def _value(text: str, field: _Field) -> int | None:
    if re.fullmatch("[0-9]{1,4}", text):
        return int(text)
    name = text.lower()
    return field.low + field.names.index(name) if name in field.names else None
