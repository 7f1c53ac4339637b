"""The graph: no circle goes unnoticed, every order keeps upstreams first, runs have the parts they should."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.dependency import EdgeType, Join, Match, MatchType
from domain.scheduling.graph import Graph
from tests.builders import DAY
from tests.unit.scheduling.graphs import dags, dependent, graph, job, link

DIAMOND = {2: [1], 3: [1], 4: [2, 3]}
LATEST = Match(MatchType.LATEST, DAY)


def test_a_circle_of_five_is_told_in_the_order_in_which_it_would_run() -> None:
    closed = graph({2: [1], 3: [2], 4: [3], 5: [4], 1: [5]})
    assert closed.circle_through(job(1)) == [job(n) for n in (1, 2, 3, 4, 5, 1)]
    assert closed.has_circle()


def test_a_job_beside_a_circle_is_not_on_it() -> None:
    assert graph({2: [1], 1: [2], 3: [2]}).circle_through(job(3)) == []


@given(dags())
def test_what_only_looks_back_has_no_circle(upstreams: dict[int, list[int]]) -> None:
    made = graph(upstreams)
    assert not made.has_circle()
    assert all(made.circle_through(each) == [] for each in made.jobs)


@given(dags(), st.data())
def test_an_edge_back_to_what_came_of_a_job_closes_a_circle_that_is_a_way_of_edges(
    upstreams: dict[int, list[int]], data: st.DataObject
) -> None:
    made = graph(upstreams)
    first = data.draw(st.sampled_from(sorted({up for above in upstreams.values() for up in above})))
    last = data.draw(st.sampled_from(sorted(each.int for each in made.descendants(job(first)))))
    closed = made.with_(dependent(first, [*upstreams.get(first, []), last]))
    circle = closed.circle_through(job(first))
    assert circle[0] == circle[-1] == job(first)
    assert all(below in closed.downstream_of(above) for above, below in pairwise(circle))
    assert len(set(circle)) == len(circle) - 1
    assert closed.has_circle()


@given(dags())
def test_levels_hold_every_job_once_and_each_after_its_upstreams(upstreams: dict[int, list[int]]) -> None:
    made = graph(upstreams)
    place = {each: n for n, level in enumerate(made.levels(made.jobs)) for each in level}
    assert sorted(place) == sorted(made.jobs)
    for number, above in upstreams.items():
        assert place[job(number)] == 1 + max(place[job(up)] for up in above)


@given(dags())
def test_ancestors_and_descendants_are_each_other_seen_from_the_other_end(upstreams: dict[int, list[int]]) -> None:
    made = graph(upstreams)
    for each in made.jobs:
        assert all(made.ancestors(other)[each] == distance for other, distance in made.descendants(each).items())
        assert each not in made.ancestors(each)


def test_a_run_has_its_root_and_what_follows_from_it() -> None:
    assert graph(DIAMOND).run_of(job(1)) == {job(n) for n in (1, 2, 3, 4)}
    assert graph(DIAMOND).run_of(job(2)) == {job(2), job(4)}
    assert graph(DIAMOND).run_of(job(9)) == {job(9)}


def test_a_job_with_a_schedule_is_no_part_of_the_run_of_its_upstream() -> None:
    made = Graph([dependent(2, [link(1, match=LATEST)], follows=False), dependent(3, [2])])
    assert made.run_of(job(1)) == {job(1)}


def test_an_upstream_that_is_only_looked_at_draws_nobody_into_its_runs() -> None:
    made = Graph([dependent(3, [1, link(2, match=LATEST)])])
    assert made.run_of(job(1)) == {job(1), job(3)}
    assert made.run_of(job(2)) == {job(2)}


def test_what_can_be_judged_in_no_run_is_found_at_once() -> None:
    two_roots = dependent(3, [1, 2])
    assert [each.upstream for each in Graph([two_roots]).unjudgeable(two_roots)] == [job(1), job(2)]
    for judged in (
        dependent(3, [1, link(2, match=LATEST)]),
        dependent(3, [1, link(2, EdgeType.WEAK)]),
        dependent(3, [1, 2], join=Join.ANY),
    ):
        assert Graph([judged]).unjudgeable(judged) == []
    at_least = dependent(4, [1, 2, 3], join=Join.AT_LEAST, at_least=2)
    assert len(Graph([at_least]).unjudgeable(at_least)) == 3


def test_ways_that_part_and_meet_again_are_one_run() -> None:
    made = graph(DIAMOND)
    assert made.unjudgeable(made[job(4)]) == []
    deeper = dependent(5, [4, 1])
    assert made.with_(deeper).unjudgeable(deeper) == []


@given(dags())
def test_what_is_found_judgeable_is_drawn_into_the_run_of_some_root(upstreams: dict[int, list[int]]) -> None:
    made = graph(upstreams)
    roots = [each for each in made.jobs if made.get(each) is None]
    for each in made.dependents:
        runs = [made.run_of(root) for root in roots]
        can_run = any(each.job_id in run and each.can_be_judged(run) for run in runs)
        assert can_run is (made.unjudgeable(each) == [])


def test_thousands_of_jobs_are_put_in_order() -> None:
    width = 100
    made = graph({n: [n - width, n - width - 1] for n in range(2 * width, 10_000)})
    assert not made.has_circle()
    assert sum(map(len, made.levels(made.jobs))) == len(made.jobs)
