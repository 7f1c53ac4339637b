"""How far sinks are, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from domain.notifications.message import Position
from domain.notifications.ports.event_log import EventLog
from domain.notifications.ports.sink_book import SinkBook
from domain.notifications.sink import DeadLetter, SinkRecord
from domain.shared.ids import TenantId
from infrastructure.sql.engine import Store
from infrastructure.sql.event_log import event_json, message_of
from infrastructure.sql.insert import insert
from infrastructure.sql.notifications.sink_tables import sink_letters, sinks
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_s, _l = sinks.c, sink_letters.c


class SqlSinkBook(SinkBook):
    """A row a sink; each verb is a unit of work of its own."""

    def __init__(self, store: Store, log: EventLog) -> None:
        self._store = store
        self._log = log

    async def open(self, name: str, tenant: TenantId | None, token: int) -> SinkRecord | None:
        end = await self._log.end()
        async with self._work() as work:
            new = {"name": name, "tenant": tenant, "token": token, "moved_at": work.now} | _place(end)
            claimed = insert(work.dialect, sinks).values(new)
            claimed = claimed.on_conflict_do_update(
                index_elements=[_s.name], set_={"token": token}, where=_s.token < token
            )
            row = (await work.execute(claimed.returning(sinks))).one_or_none()
            await work.commit()
        return None if row is None else _record(row)

    async def move(self, record: SinkRecord, token: int) -> bool:
        async with self._work() as work:
            moved = await _move(work, record, token)
            await work.commit()
        return moved

    async def bury(self, letter: DeadLetter, record: SinkRecord, token: int) -> bool:
        async with self._work() as work:
            if not await _move(work, record, token):
                return False
            row = {
                "id": letter.id,
                "sink": letter.sink,
                "tenant": letter.message.tenant,
                "context": letter.message.context,
                "event": event_json(letter.message),
                "attempts": letter.attempts,
                "error": letter.error,
                "died_at": letter.died_at,
            }
            await work.execute(sa.insert(sink_letters).values(row | _place(letter.message.position)))
            await work.commit()
        return True

    async def letters_due(self, name: str, limit: int) -> Sequence[DeadLetter]:
        async with self._work() as work:
            due = sa.select(sink_letters).where(_l.sink == name, _l.due).order_by(_l.id).limit(limit)
            return [_letter(row) for row in await work.execute(due)]

    async def letter_sent(self, letter_id: UUID) -> None:
        async with self._work() as work:
            await work.execute(sa.delete(sink_letters).where(_l.id == letter_id))
            await work.commit()

    async def letter_refused(self, letter_id: UUID, error: str) -> None:
        async with self._work() as work:
            again = {"due": False, "error": error, "attempts": _l.attempts + 1}
            await work.execute(sa.update(sink_letters).where(_l.id == letter_id).values(again))
            await work.commit()

    def _work(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self._store, "notifications")


async def _move(work: SqlUnitOfWork, record: SinkRecord, token: int) -> bool:
    since = None if record.error is None else sa.func.coalesce(_s.error_since, sa.literal(work.now, _s.moved_at.type))
    change: dict[str, Any] = {
        **_place(record.position),
        "attempts": record.attempts,
        "error": record.error,
        "error_since": since,
        "moved_at": work.now,
    }
    mine = sa.update(sinks).where(_s.name == record.name, _s.token == token).values(change)
    return (await work.execute(mine)).rowcount > 0


def _place(position: Position) -> dict[str, int]:
    return {"seq": position.seq, "nth": position.index}


def _record(row: sa.Row[Any]) -> SinkRecord:
    return SinkRecord(
        name=row.name,
        tenant=None if row.tenant is None else TenantId(row.tenant),
        position=Position(row.seq, row.nth),
        attempts=row.attempts,
        error=row.error,
    )


def _letter(row: sa.Row[Any]) -> DeadLetter:
    position = Position(row.seq, row.nth)
    return DeadLetter(
        id=row.id,
        sink=row.sink,
        message=message_of(position, TenantId(row.tenant), row.context, msgspec.json.decode(row.event)),
        attempts=row.attempts,
        error=row.error,
        died_at=row.died_at,
    )
