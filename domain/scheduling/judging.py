"""Whether the dependencies of one task are satisfied: pure, from what is seen of its upstreams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.scheduling.dependency import EdgeType
from domain.scheduling.graph import Dependent, Link
from domain.scheduling.ids import TaskId
from domain.scheduling.task_status import TaskStatus


class Outcome(StrEnum):
    """What can be said of an edge, or of all of them together."""

    SATISFIED = "SATISFIED"
    WAITING = "WAITING"
    UNSATISFIABLE = "UNSATISFIABLE"


@dataclass(frozen=True, slots=True)
class Seen:
    """A fire of an upstream. One that made no task has no `status`, and `why` says what became of it."""

    task_id: TaskId | None
    status: TaskStatus | None
    is_stopping: bool = False
    why: str = ""

    @property
    def is_over(self) -> bool:
        """Nothing more comes of it, unless an operator has it tried again."""
        return self.status is None or (self.status.is_final and not self.is_stopping)


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen at the other end of an edge. `awaited`: more is to come; `missing` says why there is nothing."""

    fires: Sequence[Seen] = ()
    awaited: bool = False
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` and `cause`, the task to blame, belong to what is not satisfied. `mendable`: it may be tried again."""

    outcome: Outcome
    reason: str = ""
    cause: TaskId | None = None
    mendable: bool = False


SATISFIED: Final = Verdict(Outcome.SATISFIED)

Condition = Callable[[Link, TaskId], str | None]
"""Whether the condition of an edge holds for an upstream's task: None, or why it does not."""

_BY_STATUS: Final = {
    EdgeType.SUCCESS: frozenset({TaskStatus.COMPLETED}),
    EdgeType.COMPLETION: frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.TIMEOUT, TaskStatus.CANCELLED}),
    EdgeType.FAILURE: frozenset({TaskStatus.FAILED, TaskStatus.TIMEOUT}),
}


def judge(dependent: Dependent, sights: Sequence[Sight], condition: Condition) -> Verdict:
    """All edges joined; `sights` are in the order of the links."""
    verdicts = judge_edges(dependent, sights, condition)
    satisfied = sum(v.outcome is Outcome.SATISFIED for v in verdicts)
    if satisfied >= dependent.required:
        return SATISFIED
    waiting = [v for v in verdicts if v.outcome is Outcome.WAITING]
    if satisfied + len(waiting) >= dependent.required:
        return Verdict(Outcome.WAITING, "; ".join(v.reason for v in waiting[:3]))
    bad = [v for v in verdicts if v.outcome is Outcome.UNSATISFIABLE]
    to_blame = sorted((v for v in bad if v.cause is not None), key=lambda v: not v.mendable)
    cause = to_blame[0].cause if to_blame else None
    return Verdict(Outcome.UNSATISFIABLE, "; ".join(v.reason for v in bad[:3]), cause)


def judge_edges(dependent: Dependent, sights: Sequence[Sight], condition: Condition) -> Sequence[Verdict]:
    """Each edge by itself, in the order of the links."""
    return [_edge(link, sight, condition) for link, sight in zip(dependent.links, sights, strict=True)]


def _edge(link: Link, sight: Sight, condition: Condition) -> Verdict:
    live = next((fire for fire in sight.fires if not fire.is_over), None)
    if link.type is EdgeType.WEAK:
        return _waits_for(link, live) if live or sight.awaited else SATISFIED
    for fire in sight.fires:
        if fire.is_over and (why := _objection(link, fire, condition)) is not None:
            mendable = fire.status is not TaskStatus.COMPLETED
            return Verdict(Outcome.UNSATISFIABLE, f"{link.name} {why}", fire.task_id, mendable)
    if live or sight.awaited:
        return _waits_for(link, live)
    if not sight.fires:
        return Verdict(Outcome.UNSATISFIABLE, f"{link.name} {sight.missing}")
    return SATISFIED


def _waits_for(link: Link, live: Seen | None) -> Verdict:
    state = f"is {live.status}" if live else "has not run yet"
    return Verdict(Outcome.WAITING, f"{link.name} {state}", live.task_id if live else None)


def _objection(link: Link, fire: Seen, condition: Condition) -> str | None:
    if fire.status is None:
        return fire.why
    if link.type is EdgeType.CONDITIONAL:
        return None if fire.task_id is None else condition(link, fire.task_id)
    if fire.status in _BY_STATUS[link.type]:
        return None
    return f"ended as {fire.status}, which is no {link.type}"
