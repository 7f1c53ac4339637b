"""Filters of events in the Common Expression Language, by Google's own implementation of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from domain.shared.errors import FieldProblem
from domain.shared.json_value import JsonText
from domain.timing.errors import InvalidTrigger
from domain.timing.ports import EventFilters

MOST_CHARACTERS: Final = 1000
_PLACE: Final = re.compile(r"<input>:(?P<line>\d+):(?P<column>\d+): (?P<told>[^\n]*)")
_BUILDS_A_LIST: Final = re.compile(r"\.\s*(?:map|filter)\s*\(")
_ALLOWED_RESULTS: Final = ("BOOL", "DYN")

Evaluate = Callable[[object], object]


class CelFilters(EventFilters):
    """The event is the variable `event`. The evaluator stops after 10,000 iterations and knows no recursion.

    Building lists takes it quadratic time, seconds for a large event, and is refused: filters ask, they do not make.
    """

    def check(self, text: str) -> None:
        _compiled(text)

    def matches(self, text: str, event: JsonText) -> bool:
        try:
            return _compiled(text)(_decoded(event)) is True
        except RuntimeError:  # the evaluator gave up
            return False


@lru_cache(maxsize=1)
def _environment() -> Any:
    from cel_expr_python import cel

    return cel.NewEnv(variables={"event": cel.Type.DYN})


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Evaluate:
    evaluate = compiled(_environment(), text)
    return lambda event: evaluate({"event": event})


def compiled(environment: Any, text: str) -> Callable[[Mapping[str, object]], object]:
    """The expression over the variables of `environment`. Raises `InvalidTrigger` with the pointer `/filter`."""
    if not 1 <= len(text) <= MOST_CHARACTERS:
        raise _refusal("OUT_OF_RANGE", f"filter has {len(text)} characters; allowed are 1 to {MOST_CHARACTERS}.")
    for place, character in enumerate(text):
        if not character.isprintable():
            raise _refusal("SYNTAX", "filter is one line of text; this character cannot be printed.", place)
    if (found := _BUILDS_A_LIST.search(text)) is not None:
        detail = "filter must not build lists; ask with exists, exists_one or all instead of map and filter."
        raise _refusal("NOT_SUPPORTED", detail, found.start())
    try:
        expression = environment.compile(text)
    except RuntimeError as error:
        raise _not_understood(text, str(error)) from None
    result = expression.return_type().name()
    if result not in _ALLOWED_RESULTS:
        raise _refusal("WRONG_TYPE", f"filter answers {result}; it must answer true or false.", 0)
    return lambda variables: expression.eval(data=dict(variables)).value()


@lru_cache(maxsize=8)  # of several jobs that listen to one event
def _decoded(event: JsonText) -> object:
    value: object = msgspec.json.decode(event)
    return value


def _not_understood(text: str, told: str) -> InvalidTrigger:
    found = _PLACE.search(told)
    if found is None:
        return _refusal("SYNTAX", "filter is nested too deeply, or is no expression.", 0)
    offset = min(int(found["column"]) - 1, len(text))
    what = re.sub(r" \(in container ''\)| expecting \{.*", "", found["told"])
    return _refusal("SYNTAX", f"filter is no valid CEL expression: {what}.", offset)


def _refusal(code: str, detail: str, offset: int | None = None) -> InvalidTrigger:
    return InvalidTrigger(FieldProblem("/filter", code, detail, offset))
