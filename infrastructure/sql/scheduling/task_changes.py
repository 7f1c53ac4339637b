"""What a task's row must be for a change, and what becomes of its columns: one wording for both databases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from domain.scheduling.key_template import OWN_SLOT
from domain.scheduling.placeholders import Source
from domain.scheduling.priority import AGEING_STEP
from domain.scheduling.task_status import CLAIMABLE, FINAL, HELD, Gate, TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import words
from infrastructure.sql.scheduling.task_tables import tasks
from infrastructure.sql.types import Instant

Condition = sa.ColumnElement[bool]
Columns = Mapping[str, Any]
"""Column expressions by name: of a table, a relation, or new values for some of them."""

t = tasks.c

NOTHING = sa.null()
RANK_OF_A_LEVEL = AGEING_STEP // AGEING_STEP.resolution
"""How much one level of priority lowers the rank."""


def word(value: str) -> sa.ColumnElement[str]:
    """A name from the code, as a literal."""
    return words([value])[0]


def number(value: int) -> sa.ColumnElement[int]:
    """A number from the code, as a literal."""
    return sa.literal_column(str(value), sa.Integer)


def after(
    dialect: DialectName, instant: sa.ColumnElement[datetime], seconds: sa.ColumnElement[Any]
) -> sa.ColumnElement[datetime]:
    """So many seconds later; unknown if either is."""
    unit = number(1_000_000) if dialect == "sqlite" else sa.literal_column("interval '1 second'", sa.Interval)
    return instant.op("+", return_type=Instant())(seconds * unit)


def ranked(lowest: Any, priority: Any) -> sa.ColumnElement[int]:
    """`domain.scheduling.priority.rank`, of the rank that the lowest priority would have."""
    rank: sa.ColumnElement[int] = lowest - (priority - number(1)) * number(RANK_OF_A_LEVEL)
    return rank


def is_waiting() -> Condition:
    """In the queue: word for word the predicate of the claim's index."""
    return sa.and_(t.gate.is_(None), t.status.in_(words(CLAIMABLE)))


def is_held() -> Condition:
    """An executor works on it. A stopping one is not held: its status says already how it ended."""
    return t.status.in_(words(HELD))


def is_undelivered() -> Condition:
    """Assigned by name, and not fetched yet."""
    return sa.and_(t.status == word(TaskStatus.ASSIGNED), t.claim_id.is_(None))


def is_final() -> Condition:
    """It has ended; if it is stopping, its row is still here."""
    return t.status.in_(words(FINAL))


def is_stopping() -> Condition:
    """The server has ended the attempt, and its executor has not let go yet."""
    return t.stopping_until.is_not(None)


def has_upstream_places(parameters: sa.ColumnElement[str]) -> Condition:
    """Values of upstreams may be missing in them, see `domain.scheduling.placeholders`."""
    return sa.cast(parameters, sa.Text).like(sa.literal_column(f"'%${{{Source.UPSTREAM}.%'"))


def of_session() -> Condition:
    """Among the tasks of a session; found by the index of held tasks."""
    executor, epoch = _session()
    return sa.and_(t.executor_id == executor, t.epoch == epoch)


def under_session() -> Condition:
    """Fence: the lease is this session's; if none is given, anybody's.

    No index can serve it, on purpose: fresh statistics say that nobody holds anything, and a plan that begins with the
    index of held tasks walks all its dead entries.
    """
    executor, epoch = _session()
    return sa.and_(
        t.executor_id.is_not_distinct_from(sa.func.coalesce(executor, t.executor_id)),
        t.epoch.is_not_distinct_from(sa.func.coalesce(epoch, t.epoch)),
    )


def leased_as(lease: Columns) -> Condition:
    """Fence: the task is under this token, and under this session."""
    return sa.and_(t.id == lease["id"], t.token == lease["token"], under_session())


def may_end_as(target: sa.ColumnElement[str]) -> Condition:
    """The table of transitions has a way to `target`, an end of an attempt, from where a held task stands."""
    ways: dict[tuple[TaskStatus, ...], list[TaskStatus]] = {}
    for end in (TaskStatus.WAITING_RETRY, *FINAL):
        if sources := tuple(source for source in TaskStatus.sources_of(end) if source in HELD):
            ways.setdefault(sources, []).append(end)
    return sa.or_(*(sa.and_(target.in_(words(ends)), t.status.in_(words(sources))) for sources, ends in ways.items()))


def ended(task: Columns, end: Columns, now: sa.ColumnElement[datetime]) -> Columns:
    """All columns of a task that has ended for good, as they go to history."""
    return {
        **task,
        "status": end["status"],
        "result": end["result"],
        "error": end["error"],
        "lost": sa.func.coalesce(end["lost"], task["lost"]),
        "ended_at": now,
        "version": task["version"] + number(1),
    }


def kept(end: Columns, now: sa.ColumnElement[datetime]) -> Columns:
    """The changed columns of a task that stays alive after its attempt ended: it waits for the next, or it is stopping.

    What stops keeps its lease, and behind gate TIME if it will be tried again: that opens after the lease is gone.
    """
    retried = is_retried(end)
    stops = end["stopping_until"].is_not(None)
    return {
        "status": end["status"],
        "result": end["result"],
        "error": end["error"],
        "lost": sa.func.coalesce(end["lost"], t.lost),
        "snoozed": sa.func.coalesce(end["snoozed"], t.snoozed),
        "stopping_until": end["stopping_until"],
        "gate": sa.case(
            (sa.and_(retried, sa.or_(stops, end["ready_at"] > now)), word(Gate.TIME)), (retried, retry_gate(dict(t)))
        ),
        "ready_at": sa.func.coalesce(end["ready_at"], t.ready_at),
        "rank": sa.func.coalesce(ranked(end["lowest_rank"], t.priority), t.rank),
        "expires_at": sa.case((retried, t.total_deadline_at)),
        "ended_at": sa.case((~retried, now)),
        "absences": number(0),
        "version": t.version + number(1),
        **{name: sa.case((stops, t[name])) for name in LEASE},
    }


def limit_gate(task: Columns) -> sa.ColumnElement[str]:
    """Where a task waits that nothing but limits keeps from the queue; none for one that obeys no limit."""
    gates = (("slot_key", Gate.LIMIT), ("turn_key", Gate.FAIRNESS), ("rate_key", Gate.RATE))
    return sa.case(*((task[key].is_not(None), word(gate)) for key, gate in gates), else_=NOTHING)


def keeps_turn(task: Any) -> Condition:
    """It waits for its next attempt, and nobody else of those that share their job's own slot may begin before it."""
    begins_with = sa.func.substr(task["slot_key"], sa.func.length(task["tenant"]) + number(2), number(len(OWN_SLOT)))
    return sa.and_(task["status"] == word(TaskStatus.WAITING_RETRY), begins_with == word(OWN_SLOT))


def retry_gate(task: Columns) -> sa.ColumnElement[str]:
    """The same for one that has been tried before: if it takes turns, its turn is not over."""
    retried = {**task, "status": word(TaskStatus.WAITING_RETRY)}
    slot = sa.case((sa.func.coalesce(keeps_turn(retried), sa.false()), NOTHING), else_=task["slot_key"])
    return limit_gate({**task, "slot_key": slot})


def is_retried(end: Columns) -> Condition:
    """Another attempt follows the one that ended."""
    retried: Condition = end["status"] == word(TaskStatus.WAITING_RETRY)
    return retried


def attempt_record(task: Columns, end: Columns, now: sa.ColumnElement[datetime]) -> Columns:
    """The row of `task_attempts` about an attempt that another one follows."""
    same = {name: task[name] for name in ("attempt", "executor_id", "token", "claimed_at", "started_at")}
    return {**same, "task_id": task["id"], "status": end["ending"], "ended_at": now, "error": end["error"]}


LEASE = ("executor_id", "epoch", "claim_id", "claimed_at", "started_at", "deadline_at")
"""What a task loses with its lease. The token stays: a late report under it is told from one that is wrong."""

LET_GO: Columns = {
    **dict.fromkeys(LEASE, NOTHING),
    "stopping_until": NOTHING,
    "absences": number(0),
    "version": t.version + number(1),
}
"""What changes when a stopping attempt that will be followed by another has stopped."""


def _session() -> tuple[sa.ColumnElement[str], sa.ColumnElement[int]]:
    return sa.bindparam("b_executor", type_=sa.Text), sa.bindparam("b_epoch", type_=sa.Integer)
