"""The grammar that all fields of a cron expression share: numbers, names, `*`, ranges, steps and lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.shared.errors import FieldProblem
from domain.timing.errors import InvalidCron

NEVER: Final = "-"
"""A field, or a whole expression, that says so never fires (as in Spring)."""

_ITEM: Final = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\w+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of the expression, a field or an element of its list: lower-case text and where it begins."""

    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Field:
    """What one of the six fields takes.

    A range may not run backwards, except in a field that `wraps`: a week has no first day, so `fri-mon` is plain,
    while `22-4` is refused like in Vixie cron (its reader must know whether today's or tomorrow's 4 is meant).
    """

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    wraps: bool = False
    specials: str = ""

    @property
    def allowed(self) -> str:
        """The sentence that ends every error message about this field."""
        names = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"allowed are {self.low}-{self.high}{names}, *, ranges a-b, steps */n a/n a-b/n, lists{self.specials}"

    def read(self, item: Item) -> tuple[int, ...]:
        """All values of the field, ascending. Raises `InvalidCron`."""
        return tuple(sorted({value for element in self.elements(item) for value in self.values(element)}))

    def elements(self, item: Item) -> Iterator[Item]:
        """The elements of the field's list; none if the field says "never"."""
        if item.text == NEVER:
            return
        offset = item.offset
        for text in item.text.split(","):
            yield Item(text, offset)
            offset += len(text) + 1

    def values(self, item: Item) -> range:
        """The values of one plain element, in order; a range that wraps goes on past `high`. Raises `InvalidCron`."""
        match = _ITEM.match(item.text)
        if match is None or match.end() < len(item.text):
            raise self.not_understood(item, match.end() if match else 0)
        step = self._step(item, match)
        if match["first"] is None:
            return range(self.low, self.high + 1, step)
        first = self.value(item, match["first"], match.start("first"))
        if match["last"] is None:
            return range(first, (self.high if match["step"] else first) + 1, step)
        last = self.value(item, match["last"], match.start("last"))
        if last < first:
            if not self.wraps:
                raise self.problem("BACKWARDS", item, 0, f"a range cannot run backwards, {self._turned(first, last)}")
            last += len(self.names)
        return range(first, last + 1, step)

    def value(self, item: Item, token: str, at: int) -> int:
        """The number or name `token`, found at position `at` of the item. Raises `InvalidCron`."""
        if token.isdigit():
            if not self.low <= int(token) <= self.high:
                raise self.problem("OUT_OF_RANGE", item, at, f"{token} is out of range")
            return int(token)
        if token not in self.names:
            raise self.not_understood(item, at)
        return self.low + self.names.index(token)

    def not_understood(self, item: Item, at: int) -> InvalidCron:
        """The refusal of an item that makes no sense from position `at` on."""
        if not item.text:
            return self.problem("SYNTAX", item, 0, "a value is missing")
        return self.problem("SYNTAX", item, at, f'"{item.text}" is not understood')

    def problem(self, code: str, item: Item, at: int, what: str) -> InvalidCron:
        """A refusal that names the field, the position in the whole expression and what is allowed."""
        return InvalidCron(FieldProblem("/expression", code, f"{self.name}: {what}; {self.allowed}.", item.offset + at))

    def _step(self, item: Item, match: re.Match[str]) -> int:
        token = match["step"] or "1"
        if not token.isdigit() or int(token) == 0:
            raise self.problem("STEP", item, match.start("step"), f'the step "{token}" is not a number from 1')
        return int(token)

    def _turned(self, first: int, last: int) -> str:
        head = f"{first}-{self.high}" if first < self.high else f"{first}"
        tail = f"{self.low}-{last}" if last > self.low else f"{last}"
        return f"write {head},{tail}"


_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

SECOND: Final = Field("second", 0, 59)
MINUTE: Final = Field("minute", 0, 59)
HOUR: Final = Field("hour", 0, 23)
DAY_OF_MONTH: Final = Field("day-of-month", 1, 31, specials=", L, L-n, LW, nW, ?")
MONTH: Final = Field("month", 1, 12, names=_MONTHS)
DAY_OF_WEEK: Final = Field("day-of-week", 0, 7, names=_WEEKDAYS, wraps=True, specials=", dL, d#n, ?")
"""Sunday is 0 and 7, so that both `0-6` and `1-7` are a week; values are to be taken modulo 7."""
