"""One node or two on the same machine: 20,000 waiting tasks, two workers, in tasks a second."""

from __future__ import annotations

import time
from contextlib import ExitStack

import httpx

from benchmarks.cluster import node
from benchmarks.measuring import Figures
from benchmarks.platforms import NOOP, noop_workers, queue_up, server
from tests.services import private_redis

TASKS = 20_000
SLOTS = 200


def run(figures: Figures) -> None:
    one, two = _rate(nodes=1), _rate(nodes=2)
    figures.add("tasks/s, both workers at one node", one)
    figures.add("tasks/s, each worker at a node of its own", two)
    figures.add("two nodes to one", two / one)


def _rate(nodes: int) -> float:
    with ExitStack() as stack:
        redis = stack.enter_context(private_redis())
        options = ("--set", "cluster.enabled=true", "--set", f"redis.url={redis.url}")
        first = stack.enter_context(server(*options))
        second = stack.enter_context(node(first, *options)) if nodes == 2 else first
        [job] = first.apply({**NOOP, "name": "drained", "parameters": {"text": "x" * 180}})
        httpx.post(f"{first.address}/api/v1/cluster/claiming/stop?reason=not+yet").raise_for_status()
        queue_up(first, job["jobId"], TASKS)
        for group, served in (("here", first), ("there", second)):
            stack.enter_context(noop_workers(served, count=1, slots=SLOTS, group=group))
        while first.sql("SELECT count(*) FROM executors WHERE status = 'ONLINE'")[0][0] < 2:
            time.sleep(0.05)
        httpx.post(f"{first.address}/api/v1/cluster/claiming/start").raise_for_status()
        while first.sql("SELECT EXISTS (SELECT FROM tasks)")[0][0]:
            time.sleep(0.1)
        [[seconds, ended]] = first.sql(
            "SELECT extract(epoch FROM max(ended_at) - min(claimed_at)), count(DISTINCT id) FROM task_history"
        )
        if ended != TASKS:
            raise AssertionError(f"{ended} tasks have ended, of {TASKS}")
        return TASKS / float(seconds)
