"""Random graphs run by the judge end as a small interpreter says, which knows nothing of tasks, runs and judgements."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.scheduling.ids import TaskId
from domain.scheduling.task_status import TaskStatus
from domain.shared.json_value import JsonText
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import text
from tests.unit.application.fake_queues import StoredTask
from tests.unit.application.fake_store import FakeStore
from tests.unit.application.fakes import ANN, CountedIds, HeardWakeUp

ENDS = ("COMPLETED", "FAILED", "CANCELLED")
HOLDS: Mapping[str, Callable[[str, int], bool]] = {
    "SUCCESS": lambda status, _: status == "COMPLETED",
    "COMPLETION": lambda status, _: status in ENDS,
    "FAILURE": lambda status, _: status == "FAILED",
    "WEAK": lambda _status, _: True,
    "CONDITIONAL": lambda status, rows: status == "COMPLETED" and rows > 1,
}
"""What an edge asks of an upstream that is over; its result has so many rows."""


@dataclass(frozen=True)
class Node:
    """A job: its edges as pairs of an upstream's number and a type, and what its task would end as, were it run."""

    edges: Sequence[tuple[int, str]]
    needed: int
    end: str
    rows: int
    paused: bool

    def document(self, number: int) -> bytes:
        fields: dict[str, Any] = {"active": True, "retry": {"maxAttempts": 1}}
        if self.edges:
            fields |= {"trigger": {"type": "DEPENDENCY"}, "dependencies": [_edge(*edge) for edge in self.edges]}
            policy = {len(self.edges): {"join": "ALL"}, 1: {"join": "ANY"}}
            fields["dependencyPolicy"] = policy.get(self.needed, {"join": "AT_LEAST", "atLeast": self.needed})
        return text(f"job-{number}", **fields)


def _edge(upstream: int, kind: str) -> dict[str, Any]:
    edge = {"job": f"job-{upstream}", "type": kind}
    condition = {"condition": "status == 'COMPLETED' && result.rows > 1"}
    return edge | condition if kind == "CONDITIONAL" else edge


def interpreted(nodes: Mapping[int, Node]) -> dict[int, str]:
    """How each task ends, upstreams first."""
    status: dict[int, str] = {}
    for number, node in nodes.items():
        held = sum(HOLDS[kind](status[upstream], nodes[upstream].rows) for upstream, kind in node.edges)
        runs = not node.edges or (held >= node.needed and not node.paused)
        status[number] = node.end if runs else "SKIPPED"
    return status


@st.composite
def graphs(draw: st.DrawFn, most: int = 9) -> dict[int, Node]:
    """Job 1 is the root of the run, and the others come after it."""
    nodes = {}
    for number in range(1, draw(st.integers(2, most)) + 1):
        upstreams = draw(st.sets(st.integers(1, number - 1), min_size=1, max_size=4)) if number > 1 else set[int]()
        edges = [(upstream, draw(st.sampled_from(sorted(HOLDS)))) for upstream in sorted(upstreams)]
        nodes[number] = Node(
            edges=edges,
            needed=draw(st.integers(1, len(edges))) if edges else 0,
            end=draw(st.sampled_from(ENDS)),
            rows=draw(st.integers(0, 3)),
            paused=number > 1 and draw(st.integers(0, 7)) == 0,
        )
    return nodes


class House:
    """A cluster of one node on the fake store; tasks end as their nodes say, in an order that is drawn."""

    def __init__(self, nodes: Mapping[int, Node], data: st.DataObject) -> None:
        self._nodes, self._data = nodes, data
        self.cluster = Cluster(FakeStore(), HeardWakeUp(), CountedIds())
        self._judge = self.cluster.new_judge()

    async def begin(self) -> TaskId:
        documents = [node.document(number) for number, node in self._nodes.items()]
        assert all(each.problem is None for each in await self.cluster.jobs.apply(ANN, documents))
        for number, node in self._nodes.items():
            if node.paused:
                await self.cluster.jobs.pause(ANN, f"job-{number}")
        return await self.cluster.jobs.run_now(ANN, "job-1")

    async def go_on(self) -> None:
        """Until nothing is under way and nothing waits."""
        while True:
            if not (ready := self._ready()) or self._data.draw(st.booleans()):
                await self._judge.tick()
                ready = self._ready()
            if not ready:
                return
            some = self._data.draw(st.lists(st.sampled_from(ready), min_size=1, unique_by=lambda task: task.id))
            for task in some:
                self.end(task, self._nodes[self.number(task)].end)

    def end(self, task: StoredTask, status: str) -> None:
        """At once, as if an executor had been quick, or somebody had cancelled it."""
        node, store = self._nodes[self.number(task)], self.cluster.store
        assert self._may_run(task)
        result = JsonText(json.dumps({"rows": node.rows}))
        ended = replace(task, status=TaskStatus(status), attempt=task.attempt + 1, result=result, ended_at=store.now)
        self.cluster.exchange.put(ended)

    def _may_run(self, task: StoredTask) -> bool:
        """By how its upstreams stand now."""
        node, now = self._nodes[self.number(task)], self.statuses(task)
        over = [(up, kind) for up, kind in node.edges if now.get(up) in (*ENDS, "SKIPPED")]
        return sum(HOLDS[kind](now[up], self._nodes[up].rows) for up, kind in over) >= node.needed

    def _ready(self) -> list[StoredTask]:
        return [task for task in self.cluster.store.tables.tasks.values() if task.is_claimable]

    def number(self, task: StoredTask) -> int:
        return int(self.cluster.store.tables.jobs[task.job_id].definition.name.removeprefix("job-"))

    def statuses(self, run: StoredTask) -> dict[int, str]:
        tasks = self.cluster.store.tables.tasks.values()
        return {self.number(task): task.status.value for task in tasks if task.run == run.run}

    def task(self, number: int) -> StoredTask:
        (task,) = [task for task in self.cluster.store.tables.tasks.values() if self.number(task) == number]
        return task


@given(graphs(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_run_ends_as_its_graph_says_in_whatever_order_its_tasks_end(
    nodes: dict[int, Node], data: st.DataObject
) -> None:
    async def run() -> None:
        house = House(nodes, data)
        await house.begin()
        await house.go_on()
        tasks = house.cluster.store.tables.tasks.values()
        assert Counter(house.number(task) for task in tasks) == Counter([*nodes])  # one task each, none is left waiting
        assert {house.number(task): task.status.value for task in tasks} == interpreted(nodes)
        assert all(task.reason for task in tasks if task.status is TaskStatus.SKIPPED)

    asyncio.run(run())


@given(graphs(), st.data())
@settings(max_examples=40, deadline=None)
def test_what_is_retried_with_its_downstream_ends_as_if_it_had_ended_so_at_once(
    nodes: dict[int, Node], data: st.DataObject
) -> None:
    """As long as nothing has run because it had failed: what has run is not undone."""
    nodes = {number: replace(node, edges=_without_failures(node)) for number, node in nodes.items()}

    async def run() -> None:
        house = House(nodes, data)
        await house.begin()
        await house.go_on()
        while failed := [n for n, end in house.statuses(house.task(1)).items() if end in ("FAILED", "CANCELLED")]:
            number = data.draw(st.sampled_from(failed))
            await house.cluster.control.retry(ANN, house.task(number).id, "mended", downstream=True)
            nodes[number] = replace(nodes[number], end="COMPLETED")
            await house.go_on()
        assert house.statuses(house.task(1)) == interpreted(nodes)

    asyncio.run(run())


def _without_failures(node: Node) -> list[tuple[int, str]]:
    return [(upstream, kind if kind == "CONDITIONAL" else "SUCCESS") for upstream, kind in node.edges]
