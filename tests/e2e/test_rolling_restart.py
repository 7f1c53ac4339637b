"""Two nodes on PostgreSQL and Redis: each is restarted under load, and no fire is lost, doubled, or skipped."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from scheduler_sdk.client import Client
from tests.e2e.programs import Program, client, eventually, server_at, worker
from tests.e2e.test_killed_platform import EVERY_SECOND, at
from tests.processes import free_port
from tests.services import Service

GRACE = timedelta(minutes=1)
"""Of the misfire policy: a fire that is later would have been put together with others."""


class Site:
    """Two places for nodes, each with an address that stays, as behind a load balancer."""

    def __init__(self, stack: ExitStack, room: Path, postgres_url: str, redis: Service) -> None:
        self._stack, self._room = stack, room
        self._urls = (postgres_url, redis.url)
        self.ports = {"n1": free_port(), "n2": free_port()}
        self._starts = 0

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def start(self, name: str) -> Program:
        self._starts += 1
        postgres_url, redis_url = self._urls
        program, _ = self._stack.enter_context(
            server_at(
                self._room / f"{name}-{self._starts}",
                postgres_url,
                self.ports[name],
                {
                    "REDIS_URL": redis_url,
                    "PLATFORM_SCHEDULER_CLUSTER_ENABLED": "true",
                    "PLATFORM_SCHEDULER_CLUSTER_NODE_ID": name,
                },
            )
        )
        return program


def entries(address: str) -> list[dict[str, Any]]:
    page = httpx.get(f"{address}/api/v1/jobs/tick/occurrences?limit=200").raise_for_status().json()
    assert not page["nextCursor"]
    found: list[dict[str, Any]] = page["items"]
    return found


def fired(address: str) -> int:
    return sum(entry["decision"] == "FIRED" for entry in entries(address))


@pytest.mark.slow
def test_nodes_are_restarted_one_by_one_without_a_lost_or_late_fire(
    tmp_path: Path, postgres_url: str, redis_server: Service
) -> None:
    with ExitStack() as stack:
        site = Site(stack, tmp_path, postgres_url, redis_server)
        one, other = site.address("n1"), site.address("n2")
        first, second = site.start("n1"), site.start("n2")
        api = stack.enter_context(client(one))
        api.apply([EVERY_SECOND])
        for name, address in (("w1", one), ("w2", other)):
            stack.enter_context(worker(tmp_path / name, address))
        eventually(lambda: fired(one) >= 3, "three fires")
        assert sorted(statuses(api)) == [("n1", "UP"), ("n2", "UP")]

        assert second.stop() == 0
        assert ("n2", "LEFT") in statuses(api), "it said goodbye"
        before = fired(one)
        eventually(lambda: fired(one) >= before + 3, "the other goes on alone")
        site.start("n2")

        first.kill()
        before = fired(other)
        eventually(lambda: fired(other) >= before + 3, "the one that came back goes on alone")
        site.start("n1")
        before = fired(one)
        eventually(lambda: fired(one) >= before + 3, "both go on")

        ledger = entries(one)
        assert {entry["decision"] for entry in ledger} == {"FIRED"}, "nothing was missed or put together"
        times = sorted(at(entry["nominalAt"]) for entry in ledger)
        assert times == [times[0] + timedelta(seconds=n) for n in range(len(times))], "no hole, no double"
        assert not [entry for entry in ledger if at(entry["decidedAt"]) - at(entry["plannedAt"]) > GRACE], "none late"
        tasks = [entry["taskId"] for entry in ledger]
        eventually(lambda: all(api.task(task)["status"] == "COMPLETED" for task in tasks), "all were run")


def statuses(api: Client) -> list[tuple[str, str]]:
    return [(found["label"], found["status"]) for found in api.cluster_nodes()]
