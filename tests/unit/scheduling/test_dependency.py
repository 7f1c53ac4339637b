"""What a job says about its dependencies is refused where it cannot be meant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.scheduling.dependency import Dependencies, Edge, EdgeType, Join, Match, MatchType
from domain.shared.errors import Invalid
from domain.timing.triggers.dependency import DependencyTrigger
from tests.builders import DAY, NOON, cron, definition

LATEST = Match(MatchType.LATEST, DAY)


def refusal(**fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        definition(**fields)
    return [(problem.pointer, problem.code) for problem in refused.value.problems]


def on(*names: str, **fields: Any) -> Dependencies:
    return Dependencies(edges=tuple(Edge(job=name) for name in names), **fields)


def test_a_job_that_follows_others_needs_somebody_to_follow() -> None:
    assert refusal(trigger=DependencyTrigger()) == [("/dependencies", "DEPENDENCIES_MISSING")]


def test_a_job_that_runs_by_hand_has_no_use_for_dependencies() -> None:
    assert refusal(dependencies=on("extract")) == [("/trigger", "DEPENDENCIES_UNUSED")]


def test_a_job_does_not_depend_on_itself() -> None:
    assert refusal(name="a", trigger=DependencyTrigger(), dependencies=on("a")) == [
        ("/dependencies/0/job", "SELF_DEPENDENCY")
    ]


def test_an_upstream_is_named_once() -> None:
    assert refusal(trigger=DependencyTrigger(), dependencies=on("a", "b", "a")) == [
        ("/dependencies/2/job", "DOUBLE_DEPENDENCY")
    ]


def test_fires_of_a_schedule_need_to_know_which_fire_of_the_upstream_is_meant() -> None:
    assert refusal(trigger=cron("0 2 * * *"), dependencies=on("a")) == [("/dependencies/0/match", "MATCH_MISSING")]
    definition(trigger=cron("0 2 * * *"), dependencies=Dependencies(edges=(Edge(job="a", match=LATEST),)))


def test_there_is_a_bound_to_the_number_of_dependencies() -> None:
    names = [f"job-{n}" for n in range(101)]
    assert refusal(trigger=DependencyTrigger(), dependencies=on(*names)) == [("/dependencies", "TOO_MANY_DEPENDENCIES")]


@pytest.mark.parametrize(
    ("policy", "pointer"),
    [
        ({"join": Join.AT_LEAST}, "/dependencyPolicy/atLeast"),
        ({"join": Join.ANY, "at_least": 1}, "/dependencyPolicy/atLeast"),
        ({"join": Join.AT_LEAST, "at_least": 0}, "/dependencyPolicy/atLeast"),
        ({"join": Join.AT_LEAST, "at_least": 3}, "/dependencyPolicy/atLeast"),
        ({"wait_timeout": timedelta(0)}, "/dependencyPolicy/waitTimeout"),
    ],
)
def test_a_policy_that_cannot_be_obeyed_is_refused(policy: dict[str, Any], pointer: str) -> None:
    dependencies = on("a", "b", **policy)
    assert [found for found, _ in refusal(trigger=DependencyTrigger(), dependencies=dependencies)] == [pointer]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Edge(job="a", type=EdgeType.CONDITIONAL),
        lambda: Edge(job="a", condition="status == 'COMPLETED'"),
        lambda: Edge(job="a", type=EdgeType.CONDITIONAL, condition=""),
        lambda: Edge(job=""),
        lambda: Match(MatchType.LATEST),
        lambda: Match(MatchType.ALL_IN, timedelta(0)),
        lambda: Match(MatchType.SAME, DAY),
        lambda: Match(MatchType.LATEST, timedelta(days=367)),
    ],
)
def test_an_edge_says_what_belongs_to_its_type_and_nothing_else(make: Any) -> None:
    with pytest.raises(Invalid):
        make()


def test_joins_ask_for_as_many_edges_as_they_say() -> None:
    assert on("a", "b", "c").required == 3
    assert on("a", "b", "c", join=Join.ANY).required == 1
    assert on("a", "b", "c", join=Join.AT_LEAST, at_least=2).required == 2
    assert on().required == 0


def test_a_trigger_of_dependencies_knows_no_time() -> None:
    trigger = DependencyTrigger()
    assert not trigger.by_clock
    assert trigger.kind == "DEPENDENCY"
    assert NOON is not None
