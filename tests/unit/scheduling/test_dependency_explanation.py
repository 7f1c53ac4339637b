"""For whom a task waits, and what would mend it."""

from __future__ import annotations

from domain.scheduling.dependency import EdgeType
from domain.scheduling.dependency_explanation import NAMED, DependencyFacts, EdgeFacts, waits_for
from domain.scheduling.explanation import Why
from domain.scheduling.ids import TaskId
from domain.scheduling.judging import Outcome
from tests.builders import MINUTE, NOON, uid

TASK = TaskId(uid(1))


def edge(job: str, outcome: Outcome, task_id: TaskId | None = None) -> EdgeFacts:
    return EdgeFacts(job=job, type=EdgeType.SUCCESS, outcome=outcome, why=f"{job} why", task_id=task_id)


def test_what_may_still_come_is_named_first_and_the_first_task_is_where_to_look() -> None:
    edges = [edge("gone", Outcome.UNSATISFIABLE), edge("fine", Outcome.SATISFIED), edge("slow", Outcome.WAITING, TASK)]
    reason = waits_for(DependencyFacts(edges=edges, required=2, wait_until=NOON + MINUTE), NOON)
    assert "slow why; gone why. 1 of 3 edges are satisfied, 2 have to be. It waits until" in reason.detail
    assert str(TASK) in (reason.fix or "")
    assert reason.until is None  # who has waited so long does not start


def test_many_are_counted_and_all_are_among_the_facts() -> None:
    edges = [edge(f"j{n}", Outcome.WAITING) for n in range(NAMED + 2)]
    reason = waits_for(DependencyFacts(edges=edges, required=NAMED + 2), NOON)
    assert "; and 2 more." in reason.detail
    assert (reason.fix or "").startswith("j0 has to run first")
    assert len(reason.facts["edges"]) == NAMED + 2  # type: ignore[arg-type]  # it is a list


def test_what_is_decided_and_not_carried_out_yet_is_said_so() -> None:
    done = waits_for(DependencyFacts(edges=[edge("a", Outcome.SATISFIED)], required=1), NOON)
    assert (done.code, done.until) == (Why.ABOUT_TO_BE_LET_IN, NOON)
    lost = waits_for(DependencyFacts(edges=[edge("a", Outcome.UNSATISFIABLE)], required=1), NOON)
    assert (lost.code, lost.fix) == (
        Why.WAITS_FOR_UPSTREAM,
        "It cannot be satisfied any more, and is ended in its turn, within seconds.",
    )
