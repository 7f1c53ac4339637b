"""Old rows removed a few at a time, in the order of a key: nobody who fires, claims or reports ever waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from application.operations.upkeep import Tally
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.reading import beyond
from infrastructure.sql.unit_of_work import SqlUnitOfWork

BATCH: Final = 500
"""Rows looked at in one transaction, some milliseconds."""

PAUSE_SECONDS: Final = 0.005
"""Between two of them others have their turn, in SQLite at the one writer."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a table that an index holds in the order of `key`; `may_go` says which of them, if older than a time.

    Where the key begins with an id, which rises with time, `dated` spares looking at those that were made later.
    """

    table: sa.Table
    key: Sequence[sa.Column[Any]]
    may_go: Callable[[datetime], sa.ColumnElement[bool]]
    dated: bool = True


def first_id_of(instant: datetime) -> UUID:
    """Below all ids made from then on, above all that were made before."""
    return UUID(int=max(0, (instant - _EPOCH) // timedelta(milliseconds=1)) << 80)


async def sweep(store: Store, rows: Rows, keep: timedelta, tally: Tally) -> None:
    """Remove what may go of all that is older than `keep`, each row looked at once. Raises `StoreUnavailable`."""
    after: Sequence[Any] | None = None
    while True:
        async with SqlUnitOfWork(store, "operations") as work:
            before = work.now - keep
            found = next_keys(rows, before, after)
            keys = (await work.execute(found)).all()
            if keys:
                gone = await work.execute(removal(rows, before, after, keys[-1]))
                await work.commit()
                tally.add(gone.rowcount)
        if len(keys) < BATCH:
            return
        after = tuple(keys[-1])
        await asyncio.sleep(PAUSE_SECONDS)


def next_keys(rows: Rows, before: datetime, after: Sequence[Any] | None) -> sa.Select[Any]:
    """The keys of the next batch."""
    return sa.select(*rows.key).where(*_span(rows, before, after)).order_by(*rows.key).limit(BATCH)


def removal(rows: Rows, before: datetime, after: Sequence[Any] | None, last: Sequence[Any]) -> sa.Delete:
    """Removes what may go of a batch that ends with `last`."""
    up_to = sa.not_(beyond(rows.key, tuple(last)))
    return sa.delete(rows.table).where(*_span(rows, before, after), up_to, rows.may_go(before))


def _span(rows: Rows, before: datetime, after: Sequence[Any] | None) -> Sequence[sa.ColumnElement[bool]]:
    conditions = [rows.key[0] < first_id_of(before)] if rows.dated else []
    return conditions if after is None else [*conditions, beyond(rows.key, after)]
