"""Why a task still waits for what it depends on: edge by edge, by the rules that judge them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.scheduling.dependency import EdgeType
from domain.scheduling.explanation import Reason, Why
from domain.scheduling.ids import TaskId
from domain.scheduling.judging import Outcome
from domain.shared.json_value import JsonValue

NAMED = 5
"""Edges that the sentence names; the facts have all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeFacts:
    """An edge and what is seen along it. `why` it is not satisfied, and the task of the upstream that is to blame."""

    job: str
    type: EdgeType
    outcome: Outcome
    why: str = ""
    task_id: TaskId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyFacts:
    """`required` of the edges have to be satisfied, before `wait_until` if there is such a time."""

    edges: Sequence[EdgeFacts]
    required: int
    wait_until: datetime | None = None

    @property
    def unsatisfied(self) -> Sequence[EdgeFacts]:
        """The edges that it waits for, those that may still come first."""
        found = [edge for edge in self.edges if edge.outcome is not Outcome.SATISFIED]
        return sorted(found, key=lambda edge: edge.outcome is Outcome.UNSATISFIABLE)

    @property
    def satisfied(self) -> int:
        """How many are."""
        return len(self.edges) - len(self.unsatisfied)


def waits_for(facts: DependencyFacts, now: datetime) -> Reason:
    """For whom, what is missing, and until when it waits at most."""
    if facts.satisfied >= facts.required:
        detail = "What it depends on is satisfied; it is let into the queue in its turn, within seconds."
        return Reason(code=Why.ABOUT_TO_BE_LET_IN, detail=detail, until=now, facts=_told(facts))
    unsatisfied = facts.unsatisfied
    named = "; ".join(edge.why for edge in unsatisfied[:NAMED])
    if len(unsatisfied) > NAMED:
        named += f"; and {len(unsatisfied) - NAMED} more"
    of = f"{facts.satisfied} of {len(facts.edges)} edges are satisfied, {facts.required} have to be"
    longest = "" if facts.wait_until is None else f" It waits until {_text(facts.wait_until)} at most."
    detail = f"It waits for what its job depends on: {named}. {of}.{longest}"
    return Reason(code=Why.WAITS_FOR_UPSTREAM, detail=detail, fix=_fix(unsatisfied), facts=_told(facts))


def _fix(unsatisfied: Sequence[EdgeFacts]) -> str:
    waiting = [edge for edge in unsatisfied if edge.outcome is Outcome.WAITING]
    if with_task := [edge.task_id for edge in waiting if edge.task_id is not None]:
        return f"See what keeps its upstream: GET /tasks/{with_task[0]}/explain."
    if waiting:
        return f"{waiting[0].job} has to run first: GET /jobs/{waiting[0].job}/explain says what becomes of its fires."
    return "It cannot be satisfied any more, and is ended in its turn, within seconds."


def _told(facts: DependencyFacts) -> Mapping[str, JsonValue]:
    return {
        "required": facts.required,
        "satisfied": facts.satisfied,
        "waitUntil": _text(facts.wait_until),
        "edges": [
            {
                "job": edge.job,
                "type": edge.type.value,
                "state": edge.outcome.value,
                "why": edge.why or None,
                "taskId": None if edge.task_id is None else str(edge.task_id),
            }
            for edge in facts.edges
        ],
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="seconds").replace("+00:00", "Z")
