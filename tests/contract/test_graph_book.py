"""The graph comes back as it was put, and changes to it come one after the other."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from domain.scheduling.dependency import EdgeType, Join, Match, MatchType, OnUnsatisfied
from domain.scheduling.graph import Dependent, Link
from domain.scheduling.job import Job
from domain.shared.ids import DEFAULT_TENANT, TenantId
from tests.contract.builders import add_job
from tests.contract.conftest import Begin

DAY = timedelta(days=1)


def after(job: Job, *upstreams: Job, follows: bool = True) -> Dependent:
    links = tuple(Link(upstream=up.id, name=up.definition.name) for up in upstreams)
    return Dependent(job_id=job.id, name=job.definition.name, links=links, follows=follows)


async def put(begin: Begin, *dependents: Dependent) -> None:
    async with begin() as work:
        for each in dependents:
            await work.graph.put(DEFAULT_TENANT, each)
        await work.commit()


async def test_a_dependent_comes_back_as_it_was_put(begin: Begin) -> None:
    a, b, c = [await add_job(begin, name) for name in "abc"]
    kept = Dependent(
        job_id=c.id,
        name="c",
        links=(
            Link(upstream=a.id, name="a", type=EdgeType.CONDITIONAL, condition="result.rows > 0"),
            Link(upstream=b.id, name="b", type=EdgeType.WEAK, match=Match(MatchType.LATEST, DAY)),
        ),
        follows=False,
        join=Join.AT_LEAST,
        at_least=1,
        wait_timeout=DAY * 2,
        on_unsatisfied=OnUnsatisfied.RUN,
        reads=True,
    )
    await put(begin, kept)
    async with begin() as work:
        assert await work.graph.find(c.id) == kept
        assert await work.graph.find(a.id) is None
        graph = await work.graph.load(DEFAULT_TENANT)
        assert list(graph.dependents) == [kept]
        assert graph.jobs == {a.id, b.id, c.id}
        assert not (await work.graph.load(TenantId("another"))).jobs


async def test_what_is_put_again_replaces_what_was_there(begin: Begin) -> None:
    a, b, c = [await add_job(begin, name) for name in "abc"]
    await put(begin, after(c, a, b))
    await put(begin, after(c, b))
    async with begin() as work:
        assert await work.graph.find(c.id) == after(c, b)
        assert await work.graph.dependents_of(a.id) == []
        assert await work.graph.dependents_of(b.id) == ["c"]
        await work.graph.remove(c.id)
        assert await work.graph.find(c.id) is None
        assert await work.graph.dependents_of(b.id) == []


async def test_the_graph_above_some_jobs_is_theirs_and_that_of_all_they_depend_on(begin: Begin) -> None:
    a, b, c, d, e = [await add_job(begin, name) for name in "abcde"]
    await put(begin, after(b, a), after(c, b), after(d, c), after(e, a))
    async with begin() as work:
        graph = await work.graph.above([c.id])
    assert {each.job_id for each in graph.dependents} == {b.id, c.id}


async def test_a_circle_does_not_hold_up_who_looks_upwards(begin: Begin) -> None:
    a, b = [await add_job(begin, name) for name in "ab"]
    await put(begin, after(a, b), after(b, a))
    async with begin() as work:
        graph = await work.graph.above([a.id])
    assert graph.circle_through(a.id) == [a.id, b.id, a.id]


async def test_jobs_are_found_by_id_and_name_unless_they_were_deleted(begin: Begin) -> None:
    a, b = [await add_job(begin, name) for name in "ab"]
    async with begin() as work:
        gone = await work.jobs.get(DEFAULT_TENANT, b.id)
        gone.delete("ann", work.now)
        await work.jobs.save(gone)
        found = await work.graph.named(DEFAULT_TENANT, [a.id, "a", "b", b.id, "nobody"])
        assert found.items() >= {a.id: (a.id, "a"), "a": (a.id, "a")}.items()
        assert not {"b", b.id, "nobody"} & found.keys()
        assert not await work.graph.named(TenantId("another"), ["a"])


async def test_every_change_counts(begin: Begin) -> None:
    versions = []
    for _ in range(3):
        async with begin() as work:
            versions.append(await work.graph.version(DEFAULT_TENANT))
            await work.graph.lock(DEFAULT_TENANT)
            await work.commit()
    assert versions == [0, 1, 2]


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)  # in SQLite everybody waits for the one writer
async def test_who_changes_the_graph_waits_for_who_changes_it_and_for_who_judges_by_it(begin: Begin) -> None:
    async with begin() as work:
        await work.graph.lock(DEFAULT_TENANT)
        await work.commit()
    async with begin() as judge, begin() as changer:
        await judge.graph.version(DEFAULT_TENANT)
        waiting = asyncio.create_task(changer.graph.lock(DEFAULT_TENANT))
        async with begin() as other_judge:
            await asyncio.sleep(0.05)
            assert not waiting.done()
            assert other_judge is not None
        await judge.commit()
        await waiting
