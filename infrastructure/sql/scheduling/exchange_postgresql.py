"""The exchange on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.scheduling.ids import LaneId, TaskId
from domain.scheduling.ports.task_exchange import Claim, Exchanged
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Settlement
from infrastructure.sql.relation import Row
from infrastructure.sql.scheduling.claiming import claim_parameters
from infrastructure.sql.scheduling.exchange_statement import HANDED_OUT, SUMMARY, TO_STOP, exchange_statement
from infrastructure.sql.scheduling.scripts import Script
from infrastructure.sql.scheduling.settling import Ends, Settlements, session_parameters
from infrastructure.sql.scheduling.task_rows import claimed_task, stop_order


def exchange(session: Session | None, settlements: Sequence[Settlement], claim: Claim | None) -> Script[Exchanged]:
    """One statement; more only if others were just taking all that waited in the first lane."""
    changes = Settlements.of(settlements)
    settle = changes.ends, bool(changes.kept)
    parameters = {
        **session_parameters(session),
        **changes.ended_parameters("postgresql"),
        **changes.kept_parameters("postgresql"),
    }
    if claim is None:
        answer, _ = _read((yield exchange_statement(*settle, False), parameters))
        return answer
    lanes = list(claim.lanes)
    answer, lane = _read(
        (yield exchange_statement(*settle, True), {**parameters, **claim_parameters(claim, "postgresql", lanes)})
    )
    settled = answer
    while not answer.claimed and lane is not None and len(lanes) > 1:
        lanes.remove(lane)
        again = {**session_parameters(session), **claim_parameters(claim, "postgresql", lanes)}
        answer, lane = _read((yield exchange_statement(Ends.NONE, False, True), again))
    makes_room = answer.makes_room or settled.makes_room
    return replace(
        answer,
        applied=settled.applied,
        durations=settled.durations,
        makes_room=makes_room,
        judged=settled.judged,
    )


def _read(rows: Sequence[Row]) -> tuple[Exchanged, LaneId | None]:
    """What the statement returned, and the lane it claimed from."""
    claimed, stop = [], []
    lane, applied, may_claim, makes_room, judged = None, frozenset[TaskId](), False, False, False
    full = False
    waits: Sequence[float] | None = None
    durations: Sequence[float | None] | None = None
    for row in rows:
        if row[0] == HANDED_OUT:
            claimed.append(row[1:-8])
        elif row[0] == TO_STOP:
            _, _, id_, token, _, reason, _, error, *_ = row
            stop.append(stop_order(id_, token, reason, error))
        elif row[0] == SUMMARY:
            *_, waits, durations, ids, left_slot, left_queue, may_claim, judged, full = row
            makes_room = bool(left_slot or left_queue)
            lane, applied = row[6], frozenset(ids or ())
    tasks = [claimed_task(row) for row in sorted(claimed)]
    answer = Exchanged(
        applied=applied,
        claimed=tasks,
        stop=stop,
        may_claim=may_claim,
        waits=waits or (),
        durations=[each for each in durations or () if each is not None],
        makes_room=makes_room,
        judged=judged,
        full=full,
    )
    return answer, lane
