"""Health, in the shape that probes and dashboards know from Spring Boot."""

from __future__ import annotations

import pytest

from bootstrap.container import Container
from tests.integration.rest.api import Api


async def test_a_node_that_works_is_up_and_so_are_its_parts(api: Api) -> None:
    health = (await api.http.get("/actuator/health")).json()
    assert health == {"status": "UP", "components": {"db": {"status": "UP"}}}
    for part in ("db", "liveness", "readiness"):
        answer = await api.http.get(f"/actuator/health/{part}")
        assert (answer.status_code, answer.json()) == (200, {"status": "UP"})


async def test_a_draining_node_is_alive_and_not_ready(api: Api, container: Container) -> None:
    container.draining().begin()
    answer = await api.http.get("/actuator/health/readiness")
    assert (answer.status_code, answer.json()) == (503, {"status": "OUT_OF_SERVICE"})
    assert (await api.http.get("/actuator/health/liveness")).status_code == 200


@pytest.mark.parametrize("host", ["10.1.2.3:8080", "pod-7.example"])
async def test_a_probe_may_call_by_any_name(api: Api, host: str) -> None:
    assert (await api.http.get("/actuator/health/liveness", headers={"Host": host})).status_code == 200


async def test_an_unknown_part_is_not_found(api: Api) -> None:
    answer = await api.http.get("/actuator/health/coffee")
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_PATH")
