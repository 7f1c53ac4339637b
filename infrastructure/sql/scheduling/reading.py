"""What the readers of scheduling share: the read engine, pages, and JSON columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from application.shared.page import Page
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.engine import Store
from infrastructure.sql.errors import store_errors

View = TypeVar("View")
Position = TypeVar("Position")
Row = sa.Row[Any]
Query = sa.Select[Any] | sa.CompoundSelect[Any]


class Reading:
    """Every statement sees one committed state; nothing here writes or locks. Raises `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def _all(self, query: Query, given: Mapping[str, Any] | None = None) -> Sequence[Row]:
        with store_errors():
            async with self._store.reader.connect() as connection:
                return (await connection.execute(query, given)).all()

    async def _first(self, query: Query, given: Mapping[str, Any] | None = None) -> Row | None:
        rows = await self._all(query, given)
        return rows[0] if rows else None

    def _has_any(self, column: sa.ColumnElement[str], values: Sequence[str]) -> sa.ColumnElement[bool]:
        """Whether the JSON array of strings in `column` holds one of `values`."""
        item: sa.ColumnElement[str]
        if self._store.dialect == "sqlite":
            item = sa.func.json_each(column).table_valued("value", name="item").c.value
        else:
            item = sa.func.json_array_elements_text(column).column_valued("item")
        return sa.select(sa.true()).where(item.in_(values)).exists()


def page_of(
    rows: Sequence[Row],
    limit: int,
    cursors: Cursors[Position],
    position: Callable[[Row], Position],
    view: Callable[[Row], View],
) -> Page[View]:
    """The first `limit` of `rows`; one more was asked for, to see whether a next page exists."""
    shown = rows[:limit]
    return Page(
        items=[view(row) for row in shown],
        next_cursor=cursors.at(position(shown[-1])) if len(rows) > limit else None,
    )


def beyond(
    columns: Sequence[sa.ColumnElement[Any]], position: Sequence[object], *, down: bool = False
) -> sa.ColumnElement[bool]:
    """Whether a row comes after `position` in the order of `columns`; `down` = in descending order."""
    here = sa.tuple_(*columns)
    there = sa.tuple_(*(sa.literal(value, column.type) for column, value in zip(columns, position, strict=True)))
    return here < there if down else here > there


def raw(text: str) -> msgspec.Raw:
    """JSON text as it is, to become a part of an answer."""
    return msgspec.Raw(text.encode())
