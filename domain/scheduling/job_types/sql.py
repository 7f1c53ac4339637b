"""SQL: one statement on a database that the executor knows by name."""

from __future__ import annotations

from collections.abc import Sequence

from domain.scheduling.job_type import JobType
from domain.scheduling.job_types.parameters import not_between, unknown, wrong
from domain.shared.errors import FieldProblem
from domain.shared.json_value import JsonObject

_KNOWN = ("connection", "statement", "parameters", "maxRows", "timeoutSeconds")


def check_sql(parameters: JsonObject) -> Sequence[FieldProblem]:
    """`connection` and `statement` are needed; `parameters` are in the order of the statement's marks."""
    problems = list(unknown("SQL", _KNOWN, parameters))
    for name in ("connection", "statement"):
        value = parameters.get(name)
        if not isinstance(value, str) or not value.strip():
            problems.append(wrong(name, f"{name} must be a string; not empty."))
    values = parameters.get("parameters", ())
    if not isinstance(values, Sequence) or isinstance(values, str):
        problems.append(wrong("parameters", "parameters must be a list, in the order of the statement's marks."))
    rows = parameters.get("maxRows", 0)
    if isinstance(rows, bool) or not isinstance(rows, int) or not 0 <= rows <= 10_000:
        problems.append(wrong("maxRows", "maxRows must be a whole number from 0 to 10000."))
    return [*problems, *not_between(parameters, "timeoutSeconds", 0.001, 86_400)]


SQL = JobType(
    name="SQL",
    needs_handler=False,
    check=check_sql,
    texts=frozenset({"connection"}),
    code={"/statement": "Write a mark into the statement, and the place into parameters."},
)
