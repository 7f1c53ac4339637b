"""A node does what its roles say: one with loops alone shows how it is and serves nothing else."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.e2e.programs import Program, client, eventually, server
from tests.e2e.test_killed_platform import EVERY_SECOND
from tests.services import Service

ELSEWHERE = ("/", "/docs", "/openapi.json", "/problems", "/api/v1/jobs", "/api/v1/cluster/nodes", "/api/v1/tasks")


@pytest.mark.slow
def test_a_node_with_loops_alone_serves_the_actuator_and_fires_what_another_was_told(
    tmp_path: Path, postgres_url: str, redis_server: Service
) -> None:
    with ExitStack() as stack:

        def node(role: str) -> tuple[Program, str]:
            environment = {
                "REDIS_URL": redis_server.url,
                "PLATFORM_SCHEDULER_CLUSTER_ENABLED": "true",
                "PLATFORM_SCHEDULER_CLUSTER_ROLES": role,
                "PLATFORM_SCHEDULER_CLUSTER_NODE_ID": role,
            }
            return stack.enter_context(server(tmp_path / role, postgres_url, **environment))

        loops, hidden = node("loops")
        _, shown = node("api")
        for path in ("health", "health/liveness", "health/readiness", "info", "prometheus", "loggers"):
            assert httpx.get(f"{hidden}/actuator/{path}").status_code == 200, path
        assert {path: httpx.get(hidden + path).status_code for path in ELSEWHERE} == dict.fromkeys(ELSEWHERE, 404)
        refused = httpx.post(f"{hidden}/api/v1/cluster/executors/", json={})
        assert (refused.status_code, refused.headers["content-type"]) == (404, "application/problem+json")

        api = stack.enter_context(client(shown))
        assert {found["label"]: found["roles"] for found in api.cluster_nodes()} == {"api": ["api"], "loops": ["loops"]}
        api.apply([EVERY_SECOND])
        eventually(lambda: list(api.occurrences("tick")), "the other node fires")
        assert loops.stop() == 0
