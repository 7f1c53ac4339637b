"""Limits in SQL: what is taken of a key is counted from the tasks themselves, so that nothing can be lost or kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from domain.scheduling.admission import Admission, Candidate, KeyKind, LimitKey, Standing
from domain.scheduling.ids import JobId, LaneId, TaskId
from domain.scheduling.key_template import OWN_SLOT
from domain.scheduling.ports.admission_queue import AdmissionQueue
from domain.scheduling.priority import Priority, rank
from domain.scheduling.rate import RateUse
from infrastructure.sql.scheduling import admission_statements as statements
from infrastructure.sql.scheduling.limit_rows import candidate, decode_use, encode_use
from infrastructure.sql.scheduling.turns import begin, in_turn
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_LOWEST = Priority(1)


def takes_turns(candidate: Candidate) -> bool:
    """Whether its slot is that of the fires of its job, one of which may be in the ledger as BUFFERED."""
    return candidate.slot is not None and candidate.slot.text.partition("/")[2].startswith(OWN_SLOT)


class SqlAdmissionQueue(AdmissionQueue):
    """Part of a unit of work."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work
        self._dialect = work.dialect

    async def keys_with_room(self, now: datetime, limit: int) -> Sequence[LimitKey]:
        rows = await self._work.fetch(statements.WITH_ROOM, b_free=now, b_limit=limit)
        return [LimitKey(KeyKind(kind), text) for kind, text in rows]

    async def waiting(self, keys: Sequence[LimitKey], each: int) -> Sequence[Candidate]:
        found: dict[TaskId, Candidate] = {}
        for key in keys:
            for row in await self._work.fetch(statements.WAITING[key.kind], b_key=key.text, b_limit=each):
                found[row[0]] = candidate(row)
        return list(found.values())

    async def lock(self, keys: Collection[LimitKey]) -> frozenset[LimitKey]:
        if not keys:
            return frozenset()
        given = statements.KEYS.bind(self._dialect, [(key.kind, key.text) for key in sorted(keys)])
        await self._work.fetch(statements.MAKE_KEYS, b_now=self._work.now, **given)
        rows = await self._work.fetch(statements.LOCK_KEYS, **given)
        return frozenset(LimitKey(KeyKind(kind), text) for kind, text in rows)

    async def take(self, ids: Sequence[TaskId]) -> Sequence[Candidate]:
        if not ids:
            return ()
        given = statements.IDS.bind(self._dialect, [(id_,) for id_ in ids])
        rows = await self._work.fetch(statements.TAKE, **given)
        taken = [candidate(row[1:]) for row in sorted(rows)]
        return await in_turn(self._work, taken, {c.slot for c in taken if c.slot is not None and takes_turns(c)})

    async def standing(self, keys: Collection[LimitKey]) -> Standing:
        standing = Standing()
        for kind in (KeyKind.SLOT, KeyKind.TURN):
            if wanted := [(key.kind, key.text) for key in keys if key.kind is kind]:
                given = statements.KEYS.bind(self._dialect, wanted)
                for text, count in await self._work.fetch(statements.TAKEN[kind], **given):
                    standing.taken[LimitKey(kind, text)] = count
        if rates := [(key.kind, key.text) for key in keys if key.kind is KeyKind.RATE]:
            given = statements.KEYS.bind(self._dialect, rates)
            for text, used in await self._work.fetch(statements.USED, **given):
                standing.used[LimitKey(KeyKind.RATE, text)] = decode_use(used)
        return standing

    async def record(
        self, admissions: Sequence[Admission], used: Mapping[LimitKey, RateUse], now: datetime
    ) -> Mapping[LaneId, int]:
        behind = rank(now, _LOWEST)
        rows = [(a.candidate.task_id, a.gate, behind if a.candidate.turn is not None else None) for a in admissions]
        if rows:
            await self._work.fetch(statements.MOVE, b_now=now, **statements.MOVES.bind(self._dialect, rows))
        if begun := [c.task_id for a in admissions if a.gate is None and takes_turns(c := a.candidate)]:
            await begin(self._work, begun)
        free_at = {a.candidate.rate: a.free_at for a in reversed(admissions) if a.free_at is not None}
        keys = [
            (key.kind, key.text, encode_use(used.get(key, RateUse())), free_at.get(key))
            for key in sorted({*used, *(key for key in free_at if key is not None)})
        ]
        if keys:
            await self._work.fetch(statements.USE, b_now=now, **statements.USES.bind(self._dialect, keys))
        return Counter(a.candidate.lane for a in admissions if a.gate is None)

    async def resume(self, job_id: JobId) -> None:
        await self._work.fetch(statements.RESUME, b_job=job_id)

    async def next_free(self) -> datetime | None:
        ((instant,),) = await self._work.fetch(statements.NEXT_FREE)
        return None if instant is None else instant
