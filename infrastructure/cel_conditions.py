"""Conditions of dependencies in the Common Expression Language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from domain.scheduling.ports.conditions import Conditions
from domain.scheduling.ports.run_book import End
from domain.shared.errors import FieldProblem, Invalid
from domain.timing.errors import InvalidTrigger
from infrastructure.cel import compiled

_VARIABLES = {"status": "STRING", "result": "DYN", "parameters": "DYN"}


class CelConditions(Conditions):
    """The same language, and the same bounds, as the filters of events have."""

    def check(self, text: str) -> None:
        try:
            _compiled(text)
        except InvalidTrigger as refusal:
            raise Invalid(
                *(
                    FieldProblem("/condition", p.code, p.detail.replace("filter", "condition", 1), p.offset)
                    for p in refusal.problems
                )
            ) from None

    def objection(self, text: str, end: End) -> str | None:
        try:
            holds = _compiled(text)(_facts(end))
        except (RuntimeError, InvalidTrigger) as error:  # the evaluator gave up, as on a result that lacks a member
            return f"ended as {end.status}, and its condition cannot be answered: {str(error).partition(chr(10))[0]}"
        return None if holds is True else f"ended as {end.status}, and its condition is not true of that"


def _facts(end: End) -> Mapping[str, object]:
    result = None if end.result is None else msgspec.json.decode(end.result)
    return {"status": end.status.value, "result": result, "parameters": msgspec.json.decode(end.parameters)}


@lru_cache(maxsize=1)
def _environment() -> Any:
    from cel_expr_python import cel

    return cel.NewEnv(variables={name: getattr(cel.Type, type_) for name, type_ in _VARIABLES.items()})


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Callable[[Mapping[str, object]], object]:
    return compiled(_environment(), text)
