"""The exchange on SQLite: a few statements, one after the other, by the only writer there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from domain.scheduling.ports.task_exchange import Claim, Exchanged
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Settlement
from infrastructure.sql.relation import Relation, Row, Statement
from infrastructure.sql.scheduling.claiming import (
    LANES,
    LIMIT,
    claim_parameters,
    claimed,
    claimed_before,
    first_rank,
    first_waiting,
    held,
    may_claim,
    room,
    stop_orders,
)
from infrastructure.sql.scheduling.judging import IDS, LEAVE_JUDGEMENTS, has_edges
from infrastructure.sql.scheduling.scripts import Parameters, Script, moment
from infrastructure.sql.scheduling.settling import KEPT, Ends, Settlements, end_columns, session_parameters
from infrastructure.sql.scheduling.task_changes import (
    Columns,
    attempt_record,
    ended,
    is_retried,
    kept,
    leased_as,
    may_end_as,
    number,
    t,
)
from infrastructure.sql.scheduling.task_events import FACTS_STORED, tell
from infrastructure.sql.scheduling.task_rows import CLAIMED, claimed_task, stop_order
from infrastructure.sql.scheduling.task_tables import task_attempts, task_history, task_tokens, tasks

_NOW: Final = moment("sqlite")
_SECOND: Final = 1_000_000
_IDS: Final = Relation("i", id=sa.Text)
"""By the text that stands in the store."""


def exchange(session: Session | None, settlements: Sequence[Settlement], claim: Claim | None) -> Script[Exchanged]:
    """Nobody else writes meanwhile, so what one statement has seen is true for the next."""
    of_session = session_parameters(session)
    ((now, may, has_dependents),) = yield _SESSION, of_session
    changes = Settlements.of(settlements)
    judged = bool(has_dependents and changes.ended)
    settled = yield from _settle(now, changes, of_session, judged=judged)
    tasks: list[Row] = []
    waits: list[float] = []
    left_queue = full = False
    if claim is not None and may:
        tasks, waits, left_queue, full = yield from _claim(
            {**of_session, **claim_parameters(claim, "sqlite", claim.lanes)}
        )
    stop = yield _STOP, of_session
    return Exchanged(
        applied=frozenset(settlement.task_id for settlement, _ in settled),
        claimed=[claimed_task(row) for row in sorted(tasks)],
        stop=[stop_order(*row) for row in stop],
        may_claim=may,
        waits=waits,
        durations=[ran / _SECOND for _, (*_, ran, _) in settled if ran is not None],
        makes_room=left_queue or any(slot is not None for _, (*_, slot) in settled),
        judged=judged,
        full=full,
    )


def _settle(
    now: datetime, changes: Settlements, of_session: Parameters, *, judged: bool
) -> Script[list[tuple[Settlement, Row]]]:
    settled: list[tuple[Settlement, Row]] = []
    if changes.ended:
        moved = yield _INTO_HISTORY[changes.ends], {**of_session, **changes.ended_parameters("sqlite")}
        if moved:
            if judged:
                yield LEAVE_JUDGEMENTS, IDS.bind("sqlite", [(UUID(hex=row[0]),) for row in moved])
            yield _REMOVE, _IDS.bind("sqlite", [row[:1] for row in moved])
            settled += _matched(changes.ended, moved)
    if changes.kept:
        parameters = {**of_session, **changes.kept_parameters("sqlite")}
        if staying := (yield _STAYING, parameters):
            yield _ATTEMPTS, parameters
            yield _KEPT, parameters
            settled += _matched(changes.kept, staying)
    yield from tell(now, settled)
    return settled


def _matched(settlements: Sequence[Settlement], rows: Sequence[Row]) -> list[tuple[Settlement, Row]]:
    """Each row of `_facts`, without its lease, to the settlement of that lease."""
    by_lease = {(s.task_id.hex, s.token): s for s in settlements}
    return [(by_lease[row[:2]], row[2:]) for row in rows]


def _claim(parameters: Parameters) -> Script[tuple[list[Row], list[float], bool, bool]]:
    """What is handed out, how long what is handed out now has waited, whether any of it had a turn, and whether there
    is no room for what waits."""
    if before := (yield _BEFORE, parameters):
        return before, [], False, False
    chosen = yield _CHOSEN, parameters
    if not chosen:
        return [], [], False, False
    ((lane, free),) = chosen
    if not free:
        return [], [], False, True
    handed_out = yield _CLAIMED, {**parameters, "b_lane": lane, "b_limit": free}
    yield _TOKENS_TAKEN, {"b_taken": len(handed_out)}
    waits = [row[-2] / _SECOND for row in handed_out]
    return [row[:-2] for row in handed_out], waits, any(row[-1] is not None for row in handed_out), False


def _facts(columns: Columns, now: sa.ColumnElement[datetime]) -> list[sa.ColumnElement[Any]]:
    """The lease, `FACTS_STORED`, how long it ran, and its slot (whether there is one, SQLite 3.40
    tells wrong in RETURNING); its id stays text, that is enough."""
    facts = (columns[name] for name in ("token", *FACTS_STORED))
    return [
        sa.type_coerce(columns["id"], sa.Text),
        *facts,
        _between(now, columns["started_at"]),
        columns["slot_key"],
    ]


def _between(until: sa.ColumnElement[datetime], since: sa.ColumnElement[datetime]) -> sa.ColumnElement[int]:
    """In microseconds, as instants are stored."""
    return until.op("-", return_type=sa.BigInteger())(since)


def _into_history(end: Columns) -> sa.Executable:
    row, h = ended(dict(t), end, _NOW), dict(task_history.c)
    moved = sa.select(*row.values()).where(leased_as(end), may_end_as(end["status"]))
    return sa.insert(task_history).from_select(list(row), moved).returning(*_facts(h, h["ended_at"]))


def _staying(end: Columns) -> sa.Executable:
    return sa.select(*_facts(dict(t), _NOW)).where(leased_as(end), may_end_as(end["status"]))


def _attempts(end: Columns) -> sa.Executable:
    row = attempt_record(dict(t), end, _NOW)
    followed = sa.select(*row.values()).where(leased_as(end), may_end_as(end["status"]), is_retried(end))
    return sa.insert(task_attempts).from_select(list(row), followed)


def _kept(end: Columns) -> sa.Executable:
    return sa.update(tasks).where(leased_as(end), may_end_as(end["status"])).values(kept(end, _NOW))


def _remove(ids: sa.FromClause) -> sa.Executable:
    return sa.delete(tasks).where(sa.type_coerce(t.id, sa.Text).in_(sa.select(ids.c.id)))


def _chosen() -> sa.Executable:
    """The lane whose first task has the lowest rank, an own one before others; and how many it may give."""
    lanes = LANES.source("sqlite")
    first = first_rank(lanes.c.lane).scalar_subquery().label("first")
    by_rank = sa.select(lanes.c.lane, lanes.c.place, first).subquery()
    return (
        sa.select(by_rank.c.lane, room("sqlite", held("sqlite", undelivered=True)))
        .where(by_rank.c.first.is_not(None))
        .order_by(by_rank.c.place, by_rank.c.first)
        .limit(number(1))
    )


def _claimed() -> sa.Executable:
    """Tokens follow the order of the queue."""
    waiting = first_waiting(sa.bindparam("b_lane", type_=sa.Integer)).with_only_columns(t.id, t.rank).limit(LIMIT)
    first = waiting.subquery("first").c
    place = sa.func.row_number().over(order_by=(first.rank, first.id))
    picked = sa.select(first.id, place.label("place")).subquery("picked").c
    token = sa.select(task_tokens.c.last).scalar_subquery() + picked.place
    change = sa.update(tasks).where(t.id == picked.id).values(claimed("sqlite", token))
    return change.returning(*(t[name] for name in CLAIMED), _between(t.claimed_at, t.ready_at), t.turn_key)


def _for_ends(build: Callable[[Columns], sa.Executable]) -> dict[Ends, Statement]:
    def statement(ends: Ends) -> Statement:
        return Statement(lambda dialect: build(end_columns(dialect, ends)))

    return {ends: statement(ends) for ends in (Ends.COMPLETED, Ends.ANY)}


def _for_kept(build: Callable[[Columns], sa.Executable]) -> Statement:
    return Statement(lambda dialect: build(dict(KEPT.source(dialect).c)))


_INTO_HISTORY: Final = _for_ends(_into_history)
_REMOVE: Final = Statement(lambda dialect: _remove(_IDS.source(dialect)))
_STAYING: Final = _for_kept(_staying)
_ATTEMPTS: Final = _for_kept(_attempts)
_KEPT: Final = _for_kept(_kept)
_SESSION: Final = Statement(lambda _: sa.select(_NOW, may_claim(), has_edges()))
_BEFORE: Final = Statement(lambda _: claimed_before())
_CHOSEN: Final = Statement(lambda _: _chosen())
_CLAIMED: Final = Statement(lambda _: _claimed())
_TOKENS_TAKEN: Final = Statement(
    lambda _: sa.update(task_tokens).values(last=task_tokens.c.last + sa.bindparam("b_taken", type_=sa.Integer))
)
_STOP: Final = Statement(lambda _: stop_orders())
