"""Graphs for tests: jobs have numbers, and are named after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import strategies as st

from domain.scheduling.dependency import EdgeType
from domain.scheduling.graph import Dependent, Graph, Link
from domain.scheduling.ids import JobId
from tests.builders import uid


def job(number: int) -> JobId:
    return JobId(uid(number))


def dependent(number: int, upstreams: Iterable[int | Link], **fields: Any) -> Dependent:
    """Follows all of these, unless told otherwise."""
    links = tuple(each if isinstance(each, Link) else link(each) for each in upstreams)
    given: dict[str, Any] = {"job_id": job(number), "name": f"job-{number}", "links": links, "follows": True, **fields}
    return Dependent(**given)


def link(number: int, type_: EdgeType = EdgeType.SUCCESS, **fields: Any) -> Link:
    return Link(upstream=job(number), name=f"job-{number}", type=type_, **fields)


def graph(upstreams: Mapping[int, Iterable[int]]) -> Graph:
    return Graph(dependent(number, above) for number, above in upstreams.items())


@st.composite
def dags(draw: st.DrawFn, most: int = 12) -> dict[int, list[int]]:
    """For each job that has any its upstreams, all with lower numbers."""
    size = draw(st.integers(2, most))
    edges = {2: [1]} | {n: sorted(draw(st.sets(st.integers(1, n - 1), max_size=4))) for n in range(3, size + 1)}
    return {n: above for n, above in edges.items() if above}
