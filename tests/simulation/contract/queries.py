"""The few questions that contracts ask of a database, answered from the store in memory."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import operators

from tests.simulation.contract.as_tables import Columns, table
from tests.simulation.store.database import Database

_COMPARED: Mapping[Any, Callable[[Any, Any], Any]] = {
    operators.eq: operator.eq,
    operators.ne: operator.ne,
    operators.is_: operator.is_,
    operators.is_not: operator.is_not,
    operators.in_op: lambda one, others: one in others,
}


class MemoryReader:
    """Has what `tests.contract.builders.rows` needs of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[MemoryReader]:
        yield self

    async def execute(self, query: sa.Select[Any]) -> Answer:
        """SELECT of columns of one table, under conditions of comparisons, in the order of columns."""
        (source,) = query.get_final_froms()
        (first,) = list(query.selected_columns)[:1]
        found = table(self._database, str(source))
        if query.whereclause is not None:
            found = [row for row in found if _holds(query.whereclause, row)]
        if isinstance(first, sa.sql.functions.count):
            return Answer([(len(found),)])
        for column in reversed(list(query._order_by_clauses)):
            found.sort(key=partial(_in_order, column.name))
        names = [column.name for column in query.selected_columns]
        return Answer([Row(**{name: row[name] for name in names if name in row}) for row in found])


class Row(SimpleNamespace):
    """Its columns are attributes."""

    @property
    def _mapping(self) -> Mapping[str, Any]:
        return vars(self)

    def __iter__(self) -> Iterator[Any]:
        return iter(vars(self).values())


class Answer:
    """Rows whose columns are attributes."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows

    def all(self) -> Sequence[Any]:
        return list(self._rows)

    def scalar_one(self) -> Any:
        ((value,),) = self._rows
        return value


def _holds(condition: Any, row: Columns) -> bool:
    if isinstance(condition, sa.sql.elements.BooleanClauseList):
        joined = any if condition.operator is operators.or_ else all
        return joined(_holds(each, row) for each in condition.clauses)
    return bool(_COMPARED[condition.operator](row[condition.left.name], _value(condition.right)))


def _value(side: Any) -> Any:
    if isinstance(side, sa.sql.elements.Null):
        return None
    return side.value


def _in_order(name: str, row: Columns) -> Any:
    return row[name]
