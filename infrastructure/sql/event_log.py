"""The outbox, read in an order that is safe: nothing is ever committed before what was read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from domain.notifications.message import Message, Position
from domain.notifications.ports.event_log import EventLog
from domain.shared.ids import TenantId
from infrastructure.sql.engine import Store
from infrastructure.sql.errors import store_errors
from infrastructure.sql.scheduling.tables import outbox

_o = outbox.c

PATIENCE_SECONDS: Final = 1.0
"""How long one call waits for a transaction that has a number and is not over."""

_LOOK_SECONDS: Final = 0.005

_WRITERS: Final = sa.text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND relation = 'outbox'::regclass"
    " AND mode = 'RowExclusiveLock' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""Who writes to the outbox now. A writer has this lock before it draws a number, until after its rows are seen."""

_events = msgspec.json.Decoder(list[dict[str, Any]])
Row = sa.Row[Any]


class SqlEventLog(EventLog):
    """In SQLite one writes at a time. In PostgreSQL numbers are drawn in order and committed in any.

    Numbers of one aggregate are in the order of its changes: they are drawn under its lock. A number that is missing
    may still come: then everybody who writes at that moment is waited for. What is missing afterwards was undone.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def after(self, position: Position, limit: int) -> Sequence[Message]:
        rows = await self._rows(position, limit)
        settled = rows if self._store.dialect == "sqlite" else _without_gap(rows, position)
        if rows and not settled:
            if not await self._writers_are_over():
                return []
            last = rows[-1].seq
            settled = [row for row in await self._rows(position, limit) if row.seq <= last]
        found = (message for row in settled for message in messages_of(row))
        return [message for message in found if message.position > position]

    async def end(self) -> Position:
        rows = await self._all(sa.select(_o.seq, _o["count"].label("events")).order_by(_o.seq.desc()).limit(1))
        return Position(rows[0].seq, rows[0].events - 1) if rows else Position(0)

    async def holds(self, position: Position) -> bool:
        if position.seq == 0:
            return not await self._all(sa.select(_o.seq).where(_o.seq == 1)) and not (await self.end()).seq
        return bool(await self._all(sa.select(_o.seq).where(_o.seq == position.seq)))

    async def _rows(self, position: Position, limit: int) -> Sequence[Row]:
        begun = sa.or_(_o.seq > position.seq, _o["count"] > position.index + 1)
        return await self._all(sa.select(outbox).where(_o.seq >= position.seq, begun).order_by(_o.seq).limit(limit))

    async def _writers_are_over(self) -> bool:
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        awaited = present = await self._writers()
        while awaited := awaited & present:
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
            present = await self._writers()
        return True

    async def _writers(self) -> frozenset[str]:
        return frozenset(row.virtualtransaction for row in await self._all(_WRITERS))

    async def _all(self, query: sa.Executable) -> Sequence[Row]:
        with store_errors():
            async with self._store.reader.connect() as connection:
                return (await connection.execute(query)).all()


def messages_of(row: Row) -> Sequence[Message]:
    """The events of a row of the outbox."""
    return [
        message_of(Position(row.seq, index), TenantId(row.tenant), row.context, event)
        for index, event in enumerate(_events.decode(row.events))
    ]


def message_of(position: Position, tenant: TenantId, context: str, event: Mapping[str, Any]) -> Message:
    """An event from its JSON."""
    return Message(
        position=position,
        tenant=tenant,
        context=context,
        type=event["type"],
        occurred_at=datetime.fromisoformat(event["occurredAt"]),
        data={name: value for name, value in event.items() if name not in ("type", "occurredAt")},
    )


def event_json(message: Message) -> str:
    """The JSON of an event as it stands in the outbox."""
    event = {"type": message.type, "occurredAt": message.occurred_at, **message.data}
    return msgspec.json.encode(event).decode()


def _without_gap(rows: Sequence[Row], position: Position) -> Sequence[Row]:
    """The rows up to the first number that is missing."""
    first = position.seq if rows and rows[0].seq == position.seq else position.seq + 1
    numbered = enumerate(rows, first)
    return [row for _, row in takewhile(lambda pair: pair[0] == pair[1].seq, numbered)]
