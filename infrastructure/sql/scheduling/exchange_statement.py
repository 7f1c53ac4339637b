"""The exchange on PostgreSQL as one statement: it settles, keeps the record, tells, and claims.

All its parts see the state at its beginning, so each row is changed by one part only, which has locked or removed it.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from domain.scheduling.ports.task_exchange import LARGEST_CLAIM
from infrastructure.sql.relation import Statement
from infrastructure.sql.scheduling.claiming import (
    LANES,
    claimed,
    claimed_before,
    first_rank,
    first_waiting,
    held,
    may_claim,
    room,
    stop_orders,
)
from infrastructure.sql.scheduling.dependency_tables import judgements
from infrastructure.sql.scheduling.judging import judgements_of
from infrastructure.sql.scheduling.scripts import moment
from infrastructure.sql.scheduling.settling import KEPT, Ends, end_columns
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
    word,
)
from infrastructure.sql.scheduling.task_events import FACTS, tell_in_sql
from infrastructure.sql.scheduling.task_rows import CLAIMED
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_attempts, task_history, tasks

HANDED_OUT: Final = "claimed"
TO_STOP: Final = "stop"
SUMMARY: Final = "summary"
"""The kinds of rows that it returns; each has the columns of `CLAIMED` and then those of `_SUMMED`."""

_SECONDS: Final = ARRAY(sa.Double)
_SUMMED: Final[dict[str, Any]] = {
    "waited": _SECONDS,
    "ran": _SECONDS,
    "applied": ARRAY(sa.Uuid),
    "left_slot": sa.Boolean(),
    "left_queue": sa.Boolean(),
    "may_claim": sa.Boolean(),
    "judged": sa.Boolean(),
    "full": sa.Boolean(),
}

_NOW = moment("postgresql")


@cache
def exchange_statement(ends: Ends, kept: bool, claims: bool) -> Statement:
    """The text for what there is to do; the parts that are not needed would cost planning and locks."""
    return Statement(lambda _: _build(ends, kept, claims))


def _build(ends: Ends, has_kept: bool, claims: bool) -> sa.Executable:
    settled: list[sa.CTE] = []
    judged: sa.ColumnElement[Any] = sa.false()
    writes: list[sa.CTE] = []
    locked: sa.CTE | None = None
    if ends is not Ends.NONE:
        settled.append(moved := _moved(ends))
        left = judgements_of(moved).returning(judgements.c.job_id).cte("left_behind")
        judged = sa.select(sa.func.count() > number(0)).select_from(left).scalar_subquery()
        writes += [_into_history(moved), left]
    if has_kept:
        locked = _locked()
        settled.append(locked)
        writes += [_attempts(locked), _kept(locked)]
    applied: sa.ColumnElement[Any] = _missing(ARRAY(sa.Uuid))
    ran = waited = _missing(_SECONDS)
    left_slot = left_queue = _missing(sa.Boolean())
    if settled:
        facts = sa.union_all(*(_facts(cte) for cte in settled)).cte("facts")
        writes.append(tell_in_sql(facts).cte("told"))
        applied = sa.select(sa.func.array_agg(facts.c.id)).scalar_subquery()
        ran = sa.select(sa.func.array_agg(facts.c.ran)).scalar_subquery()
        left_slot = sa.select(sa.func.bool_or(facts.c.had_slot)).scalar_subquery()
    stop = stop_orders().cte("stop")
    s = stop.c
    parts = [_part(TO_STOP, stop, id=s.id, token=s.token, job_name=s.status_reason, parameters=s.error)]
    lane: sa.ColumnElement[Any] = _missing(sa.Integer())
    full: sa.ColumnElement[Any] = sa.false()
    if claims:
        before = claimed_before().cte("before")
        chosen = _chosen(before)
        free = _free(chosen, locked, judged)
        lane = sa.select(chosen.c.lane).join(free, free.c.slots > number(0)).scalar_subquery()
        full = sa.exists(sa.select(free.c.slots).where(free.c.slots == number(0)))
        new = _claimed(chosen, free)
        waited = sa.select(sa.func.array_agg(new.c.wait)).scalar_subquery()
        left_queue = sa.select(sa.func.bool_or(new.c.had_turn)).scalar_subquery()
        parts += [_part(HANDED_OUT, tasks, **dict(tasks.c)) for tasks in (before, new)]
    summary = {"lane": lane, "waited": waited, "ran": ran, "applied": applied, "may_claim": may_claim()}
    summary |= {"left_slot": left_slot, "left_queue": left_queue, "judged": judged, "full": full}
    parts.append(_part(SUMMARY, None, **summary))
    return sa.union_all(*parts).add_cte(*writes)


def _moved(ends: Ends) -> sa.CTE:
    """Settled for good: gone from the live tasks."""
    end = end_columns("postgresql", ends)
    statement = sa.delete(tasks).where(leased_as(end), may_end_as(end["status"]))
    return statement.returning(*t, *_labelled(end)).cte("moved")


def _into_history(moved: sa.CTE) -> sa.CTE:
    row = ended({name: moved.c[name] for name in TASK_COLUMNS}, _new(moved), _NOW)
    return sa.insert(task_history).from_select(list(row), sa.select(*row.values())).cte("recorded")


def _locked() -> sa.CTE:
    """What stays alive is locked as it is, for its attempt to be recorded before the row changes."""
    end = dict(KEPT.source("postgresql").c)
    statement = sa.select(*t, *_labelled(end)).where(leased_as(end), may_end_as(end["status"]))
    return statement.with_for_update(of=tasks).cte("locked")


def _attempts(locked: sa.CTE) -> sa.CTE:
    row = attempt_record(dict(locked.c), _new(locked), _NOW)
    followed = sa.select(*row.values()).where(is_retried(_new(locked)))
    return sa.insert(task_attempts).from_select(list(row), followed).cte("followed")


def _kept(locked: sa.CTE) -> sa.CTE:
    return sa.update(tasks).where(t.id == locked.c.id).values(kept(_new(locked), _NOW)).cte("kept")


def _facts(settled: sa.CTE) -> sa.Select[Any]:
    told = {"event": settled.c.new_event, "error_code": settled.c.new_error_code}
    facts = ((told[name] if name in told else settled.c[name]).label(name) for name in FACTS)
    had_slot = settled.c.slot_key.is_not(None).label("had_slot")
    return sa.select(*facts, _seconds(_NOW, settled.c.started_at).label("ran"), had_slot)


def _chosen(before: sa.CTE) -> sa.CTE:
    """The lane whose first task has the lowest rank, an own one before others.

    None if there is nothing to do or the session may not.
    """
    lanes = LANES.source("postgresql")
    first = first_rank(lanes.c.lane).lateral("first")
    may = sa.and_(may_claim(), ~sa.exists(sa.select(before.c.id)))
    by_rank = sa.select(lanes.c.lane).join(first, sa.true()).where(may).order_by(lanes.c.place, first.c.rank)
    return by_rank.limit(number(1)).cte("chosen")


def _free(chosen: sa.CTE, locked: sa.CTE | None, judged: sa.ColumnElement[Any]) -> sa.CTE:
    """How many tasks the session has room for, if anything waits; what this statement settles does not count.

    What was moved is gone by then, what is only `locked` may have its lease still. Other claims of the executor wait
    from then on, so this one waits for nothing any more: the judgements that it leaves are written.
    """
    kept = None if locked is None else sa.select(sa.func.array_agg(locked.c.id)).scalar_subquery()
    slots = room("postgresql", held("postgresql", undelivered=True, besides=kept, after=judged))
    return sa.select(slots.label("slots")).select_from(chosen).cte("free")


def _claimed(chosen: sa.CTE, free: sa.CTE) -> sa.CTE:
    """Lock and hand out. The literal limit tells the planner how little it is; the bound one stops the locking."""
    place = sa.literal_column("tasks.ctid", sa.types.NullType()).label("place")
    waiting = first_waiting(sa.select(chosen.c.lane).scalar_subquery()).with_only_columns(place)
    first = waiting.limit(number(LARGEST_CLAIM)).with_for_update(skip_locked=True, of=tasks).subquery("first")
    slots = sa.func.coalesce(sa.select(free.c.slots).scalar_subquery(), number(0), type_=sa.Integer)
    picked = sa.select(first.c.place).limit(slots).cte("picked")
    token = sa.Sequence("task_tokens").next_value()
    change = sa.update(tasks).where(sa.literal_column("tasks.ctid") == picked.c.place)
    waited = _seconds(t.claimed_at, t.ready_at).label("wait")
    had_turn = t.turn_key.is_not(None).label("had_turn")
    handed_out = change.values(claimed("postgresql", token))
    return handed_out.returning(*(t[name] for name in CLAIMED), waited, had_turn).cte("claimed")


def _labelled(end: Columns) -> list[sa.ColumnElement[Any]]:
    """What a settlement says, beside the columns of the task that have the same names."""
    return [column.label(f"new_{name}") for name, column in end.items() if name not in ("id", "token")]


def _new(settled: sa.CTE) -> dict[str, Any]:
    return {c.name.removeprefix("new_"): c for c in settled.c if c.name.startswith("new_")}


def _part(kind: str, source: sa.FromClause | None, **given: Any) -> sa.Select[Any]:
    """A row of the answer, with what it has."""
    types: dict[str, Any] = {**{name: t[name].type for name in CLAIMED}, **_SUMMED}
    columns = (
        given[name].label(name) if name in given else _missing(type_).label(name) for name, type_ in types.items()
    )
    part = sa.select(word(kind).label("kind"), *columns)
    return part if source is None else part.select_from(source)


def _seconds(until: sa.ColumnElement[Any], since: sa.ColumnElement[Any]) -> sa.ColumnElement[float]:
    """EXTRACT would make a numeric of it, which takes longer than all the rest."""
    return sa.func.date_part(sa.literal_column("'epoch'", sa.Text), until - since, type_=sa.Double)


def _missing(type_: Any) -> sa.ColumnElement[Any]:
    return sa.cast(sa.null(), type_)
