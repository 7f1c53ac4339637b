"""Requests with a key, in a table: the unique key decides who works on a request."""

from __future__ import annotations

import json

import sqlalchemy as sa

from application.shared.repeats import (
    KEPT,
    LONGEST_FLIGHT,
    Answer,
    KeyReused,
    OutcomeUnknown,
    Repeats,
    RequestInFlight,
    RequestKey,
)
from infrastructure.sql.engine import Store
from infrastructure.sql.insert import insert
from infrastructure.sql.repeat_tables import repeats
from infrastructure.sql.unit_of_work import SqlUnitOfWork


class SqlRepeats(Repeats):
    """Who finds the row of an earlier request waits until that one's transaction has ended, and reads it then."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, request: RequestKey, fingerprint: str) -> Answer | None:
        async with self._work() as work:
            new = {**_key(request), "fingerprint": fingerprint, "begun_at": work.now}
            fresh = {"fingerprint": fingerprint, "begun_at": work.now, "status": None, "headers": None, "body": None}
            statement = (
                insert(work.dialect, repeats)
                .values(new)
                .on_conflict_do_update(
                    index_elements=list(_key(request)), set_=fresh, where=repeats.c.begun_at < work.now - KEPT
                )
                .returning(repeats.c.key)
            )
            if (await work.execute(statement)).first() is not None:
                await work.commit()
                return None
            row = (await work.execute(sa.select(repeats).where(*_is(request)))).one()
            if row.fingerprint != fingerprint:
                raise KeyReused(request.key)
            if row.status is not None:
                return Answer(status=row.status, headers=json.loads(row.headers), body=row.body)
            in_flight = work.now - row.begun_at < LONGEST_FLIGHT
            raise RequestInFlight(request.key) if in_flight else OutcomeUnknown(request.key)

    async def answered(self, request: RequestKey, answer: Answer) -> None:
        values = {"status": answer.status, "headers": json.dumps(dict(answer.headers)), "body": answer.body}
        async with self._work() as work:
            await work.execute(sa.update(repeats).where(*_is(request)).values(values))
            await work.commit()

    async def refused(self, request: RequestKey) -> None:
        async with self._work() as work:
            await work.execute(sa.delete(repeats).where(*_is(request)))
            await work.commit()

    async def forget(self) -> int:
        async with self._work() as work:
            dropped = await work.execute(sa.delete(repeats).where(repeats.c.begun_at < work.now - KEPT))
            await work.commit()
            return dropped.rowcount

    def _work(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self._store, "requests")


def _key(request: RequestKey) -> dict[str, str]:
    return {
        "tenant": request.principal.tenant,
        "principal": request.principal.name,
        "operation": request.operation,
        "key": request.key,
    }


def _is(request: RequestKey) -> list[sa.ColumnElement[bool]]:
    return [repeats.c[name] == value for name, value in _key(request).items()]
