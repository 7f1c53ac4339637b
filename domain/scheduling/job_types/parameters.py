"""What the checks of parameters have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.shared.errors import FieldProblem
from domain.shared.json_value import JsonObject


def wrong(name: str, detail: str) -> FieldProblem:
    """What is wrong with one parameter."""
    return FieldProblem(f"/parameters/{name}", "INVALID_PARAMETERS", detail)


def unknown(type_: str, known: Sequence[str], parameters: JsonObject) -> Iterator[FieldProblem]:
    """Those that the type does not know: a slip of the pen must not go unseen."""
    for name in parameters:
        if name not in known:
            yield wrong(name, f"{type_} knows no parameter {name!r}. It knows {', '.join(known)}.")


def not_text(parameters: JsonObject, *names: str) -> Iterator[FieldProblem]:
    """Those that are given and are no strings."""
    for name in names:
        if not isinstance(parameters.get(name, ""), str):
            yield wrong(name, f"{name} must be a string.")


def not_texts_by_name(parameters: JsonObject, name: str) -> Iterator[FieldProblem]:
    """It, unless it maps names to strings."""
    value = parameters.get(name, {})
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for each in value.values()):
        yield wrong(name, f"{name} must map names to strings.")


def not_between(parameters: JsonObject, name: str, lowest: float, highest: float) -> Iterator[FieldProblem]:
    """It, unless it is a number from `lowest` to `highest`, or not given."""
    if name in parameters:
        value = parameters[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            yield wrong(name, f"{name} must be a number from {lowest:g} to {highest:g}.")
