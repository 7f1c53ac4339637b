"""The statements of limits; each kind of key has its columns, its gate, and an index over those that wait at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.admission import KeyKind
from domain.scheduling.task_status import Gate, TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.insert import insert
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.limit_rows import COLUMNS
from infrastructure.sql.scheduling.limit_tables import limit_keys
from infrastructure.sql.scheduling.tables import jobs
from infrastructure.sql.scheduling.task_changes import (
    NOTHING,
    Condition,
    after,
    keeps_turn,
    limit_gate,
    number,
    ranked,
    t,
    word,
)
from infrastructure.sql.scheduling.task_tables import tasks
from infrastructure.sql.types import Instant, JsonText

KEYS: Final = Relation("k", kind=sa.Text, key=sa.Text)
IDS: Final = Relation("i", id=sa.Uuid)
MOVES: Final = Relation("m", id=sa.Uuid, gate=sa.Text, lowest_rank=sa.BigInteger)
USES: Final = Relation("u", kind=sa.Text, key=sa.Text, used=JsonText, free_at=Instant)

GATE: Final[Mapping[KeyKind, Gate]] = {
    KeyKind.SLOT: Gate.LIMIT,
    KeyKind.RATE: Gate.RATE,
    KeyKind.TURN: Gate.FAIRNESS,
}
_KEY: Final[Mapping[KeyKind, sa.Column[str]]] = {
    KeyKind.SLOT: t.slot_key,
    KeyKind.RATE: t.rate_key,
    KeyKind.TURN: t.turn_key,
}
_LIMIT: Final = sa.bindparam("b_limit", type_=sa.Integer)
_GIVEN: Final = sa.bindparam("b_key", type_=sa.Text)


def waits_at(kind: KeyKind, task: Any = t) -> Condition:
    """Word for word the predicate of the index over those that wait."""
    condition: Condition = task.gate == word(GATE[kind])
    return condition


def takes(kind: KeyKind, task: Any = t) -> Condition:
    """Word for word the predicates of the indexes: who has a slot, and who stands in the queue after a turn."""
    if kind is KeyKind.SLOT:
        has_it = sa.or_(task.gate.is_(None), task.executor_id.is_not(None), keeps_turn(task))
        return sa.and_(task.slot_key.is_not(None), has_it)
    return sa.and_(task.turn_key.is_not(None), task.gate.is_(None), task.executor_id.is_(None))


def waiting_keys(kind: KeyKind) -> sa.CTE:
    """Each key once, walked through the index from one to the next: however many wait at a key costs nothing."""
    key = _KEY[kind]
    first = (
        sa.select(sa.func.min(key).label("key")).where(waits_at(kind)).cte(f"waiting_{kind.lower()}", recursive=True)
    )
    following = sa.select(sa.func.min(key)).where(waits_at(kind), key > first.c.key).correlate(first)
    return first.union_all(sa.select(following.scalar_subquery()).where(first.c.key.is_not(None)))


def _with_room() -> sa.Executable:
    parts = [sa.select(_of_one(kind).subquery()) for kind in KeyKind]
    return sa.union_all(*parts).limit(_LIMIT)


def _of_one(kind: KeyKind) -> sa.Select[Any]:
    keys = waiting_keys(kind)
    found = sa.select(word(kind).label("kind"), keys.c.key).where(keys.c.key.is_not(None)).limit(_LIMIT)
    if kind is KeyKind.RATE:
        now = sa.bindparam("b_free", type_=Instant)
        k = limit_keys.c
        kept_back = sa.exists().where(k.kind == word(kind), k.key == keys.c.key, k.free_at > now)
        return found.where(~kept_back)
    most = t.slot_most if kind is KeyKind.SLOT else t.turn_window
    key = _KEY[kind]
    head = sa.select(most).where(waits_at(kind), key == keys.c.key).order_by(t.rank, t.id).limit(number(1))
    taken = sa.select(sa.func.count()).select_from(tasks).where(takes(kind), key == keys.c.key)
    return found.where(taken.correlate(keys).scalar_subquery() < head.correlate(keys).scalar_subquery())


def _candidate() -> list[sa.ColumnElement[Any]]:
    """`COLUMNS` of a task that waits; one that has kept its turn needs no slot."""
    needed = sa.case((sa.func.coalesce(keeps_turn(t), sa.false()), NOTHING), else_=t.slot_key)
    return [needed.label(name) if name == "slot_key" else t[name] for name in COLUMNS]


def _waiting(kind: KeyKind) -> sa.Executable:
    return sa.select(*_candidate()).where(waits_at(kind), _KEY[kind] == _GIVEN).order_by(t.rank, t.id).limit(_LIMIT)


def _make_keys(dialect: DialectName) -> sa.Executable:
    k = KEYS.source(dialect)
    rows = sa.select(k.c.kind, k.c.key, sa.bindparam("b_now", type_=Instant)).select_from(k).where(sa.true())
    new = insert(dialect, limit_keys).from_select(["kind", "key", "touched_at"], rows)
    return new.on_conflict_do_nothing()


def _is_among(dialect: DialectName) -> Condition:
    k = KEYS.source(dialect)
    return sa.tuple_(limit_keys.c.kind, limit_keys.c.key).in_(sa.select(k.c.kind, k.c.key))


def _lock_keys(dialect: DialectName) -> sa.Executable:
    k = limit_keys.c
    locked = sa.select(k.kind, k.key).where(_is_among(dialect)).order_by(k.kind, k.key)
    return locked.with_for_update(skip_locked=True)


def _take(dialect: DialectName) -> sa.Executable:
    waits = t.gate.in_(words(GATE.values()))
    found = sa.select(t.rank, *_candidate()).where(t.id.in_(sa.select(IDS.source(dialect).c.id)))
    return found.where(waits).with_for_update(skip_locked=True, of=tasks)


def _taken(kind: KeyKind, dialect: DialectName) -> sa.Executable:
    key, k = _KEY[kind], KEYS.source(dialect)
    counted = sa.select(sa.func.count()).select_from(tasks).where(takes(kind), key == k.c.key)
    return sa.select(k.c.key, counted.correlate(k).scalar_subquery())


def _used(dialect: DialectName) -> sa.Executable:
    return sa.select(limit_keys.c.key, limit_keys.c.used).where(_is_among(dialect))


def _move(dialect: DialectName) -> sa.Executable:
    m = MOVES.source(dialect)
    new_rank = sa.func.coalesce(ranked(m.c.lowest_rank, t.priority), t.rank)
    # The queue timeout counts from here: what waits at a limit is not in the queue.
    patience = sa.select(jobs.c.queue_timeout_s).where(jobs.c.id == t.job_id).scalar_subquery()
    until = after(dialect, sa.bindparam("b_now", type_=Instant), patience)
    least = sa.func.least if dialect == "postgresql" else sa.func.min
    sooner = least(sa.func.coalesce(until, t.total_deadline_at), sa.func.coalesce(t.total_deadline_at, until))
    enters = sa.and_(m.c.gate.is_(None), t.status == word(TaskStatus.PENDING))
    moved = {
        "gate": m.c.gate,
        "expires_at": sa.case((enters, sooner), else_=t.expires_at),
        "rank": sa.case((m.c.gate.is_(None), new_rank), else_=t.rank),
        "version": t.version + number(1),
    }
    return sa.update(tasks).where(t.id == m.c.id).values(moved)


def _use(dialect: DialectName) -> sa.Executable:
    u = USES.source(dialect)
    rows = sa.select(u.c.kind, u.c.key, u.c.used, u.c.free_at, sa.bindparam("b_now", type_=Instant))
    rows = rows.select_from(u).where(sa.true())
    new = insert(dialect, limit_keys).from_select(["kind", "key", "used", "free_at", "touched_at"], rows)
    changed = {name: new.excluded[name] for name in ("used", "free_at", "touched_at")}
    return new.on_conflict_do_update(index_elements=limit_keys.primary_key, set_=changed)


def _next_free() -> sa.Executable:
    keys, k = waiting_keys(KeyKind.RATE), limit_keys.c
    return sa.select(sa.func.min(k.free_at)).join_from(
        keys, limit_keys, sa.and_(k.kind == word(KeyKind.RATE), k.key == keys.c.key)
    )


def _resume() -> sa.Executable:
    held = sa.select(t.id).where(t.job_id == sa.bindparam("b_job", type_=sa.Uuid), t.gate == word(Gate.PAUSED))
    # In the order in which everybody locks several tasks.
    ordered = held.order_by(t.id).with_for_update(of=tasks)
    resumed = {"gate": limit_gate(dict(t)), "version": t.version + number(1)}
    return sa.update(tasks).where(t.id.in_(ordered)).values(resumed)


def _of_kind(kind: KeyKind) -> Statement:
    return Statement(lambda _: _waiting(kind))


def _taken_of(kind: KeyKind) -> Statement:
    return Statement(lambda dialect: _taken(kind, dialect))


WITH_ROOM: Final = Statement(lambda _: _with_room())
WAITING: Final = {kind: _of_kind(kind) for kind in KeyKind}
TAKEN: Final = {kind: _taken_of(kind) for kind in (KeyKind.SLOT, KeyKind.TURN)}
MAKE_KEYS: Final = Statement(_make_keys)
LOCK_KEYS: Final = Statement(_lock_keys)
TAKE: Final = Statement(_take)
USED: Final = Statement(_used)
MOVE: Final = Statement(_move)
USE: Final = Statement(_use)
RESUME: Final = Statement(lambda _: _resume())
NEXT_FREE: Final = Statement(lambda _: _next_free())
