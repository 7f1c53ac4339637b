"""Health, in the shape that probes and dashboards know from Spring Boot."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from dependency_injector import providers

from bootstrap.container import Container
from bootstrap.settings import Settings
from interfaces.rest.actuator import health
from interfaces.rest.actuator.health import Component, Status
from interfaces.rest.app import create_app
from tests.integration.rest.api import Api, client_of

LOOPS = {"planner", "admitter", "reaper"}


async def test_a_node_that_works_is_up_and_shows_its_parts(api: Api, container: Container) -> None:
    answer = (await api.http.get("/actuator/health")).json()
    db = {"status": "UP", "details": {"database": container.store().dialect}}
    assert (answer["status"], answer["groups"], answer["components"]["db"]) == ("UP", ["liveness", "readiness"], db)
    assert answer["components"].keys() >= LOOPS
    assert (await api.http.get("/actuator/health/db")).json() == db


async def test_liveness_is_about_the_process_and_readiness_about_its_database_too(api: Api) -> None:
    live = await api.http.get("/actuator/health/liveness")
    assert live.json() == {"status": "UP", "components": {"livenessState": {"status": "UP"}}}
    ready = (await api.http.get("/actuator/health/readiness")).json()
    assert (ready["status"], set(ready["components"])) == ("UP", {"readinessState", "db"})


async def test_a_draining_node_is_alive_and_not_ready(api: Api, container: Container) -> None:
    container.draining().begin()
    answer = await api.http.get("/actuator/health/readiness")
    assert (answer.status_code, answer.json()["status"]) == (503, "OUT_OF_SERVICE")
    assert answer.json()["components"]["readinessState"] == {"status": "OUT_OF_SERVICE"}
    assert answer.json()["components"]["db"]["status"] == "UP"
    assert (await api.http.get("/actuator/health/liveness")).status_code == 200


async def test_a_node_whose_database_is_away_is_alive_and_not_ready(tmp_path: Path) -> None:
    container = Container(settings=providers.Object(Settings(database_url=f"sqlite:///{tmp_path}/missing/jobs.sqlite")))
    async with client_of(create_app(container.services())) as http:
        for path in ("", "/db", "/readiness"):
            answer = await http.get(f"/actuator/health{path}")
            assert (answer.status_code, answer.json()["status"]) == (503, "DOWN")
            assert str(tmp_path) not in answer.text
        assert (await http.get("/actuator/health/liveness")).status_code == 200
    await container.store().dispose()


async def test_a_loop_that_owes_a_tick_for_too_long_is_down(
    api: Api, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await api.http.get("/actuator/health/planner")).json() == {"status": "UNKNOWN"}
    planner = next(loop for loop in container.loops() if loop.name == "planner")
    planner.start()
    try:
        assert (await api.http.get("/actuator/health/planner")).json() == {"status": "UP"}
        monkeypatch.setattr(type(planner), "overdue_seconds", health.LOOP_PATIENCE_SECONDS + 0.5)
        for path in ("/planner", ""):
            answer = await api.http.get(f"/actuator/health{path}")
            assert (answer.status_code, answer.json()["status"]) == (503, "DOWN")
        assert (await api.http.get("/actuator/health/planner")).json()["details"] == {"overdueSeconds": 30.5}
        assert (await api.http.get("/actuator/health/readiness")).status_code == 200
    finally:
        await planner.stop()


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        (["UP", "UNKNOWN"], "UP"),
        (["UP", "OUT_OF_SERVICE", "UNKNOWN"], "OUT_OF_SERVICE"),
        (["OUT_OF_SERVICE", "DOWN", "UP"], "DOWN"),
        (["UNKNOWN"], "UNKNOWN"),
    ],
)
async def test_the_worst_part_stands_for_all(container: Container, statuses: list[str], worst: str) -> None:
    async def found(status: str) -> Component:
        return Component(Status(status))

    services = container.services()
    checks = {status: partial(found, status) for status in statuses}
    services = replace(services, actuator=replace(services.actuator, checks=checks))
    async with client_of(create_app(services)) as http:
        answer = await http.get("/actuator/health")
    assert answer.json()["status"] == worst
    assert answer.status_code == (503 if worst in ("DOWN", "OUT_OF_SERVICE") else 200)


@pytest.mark.parametrize("host", ["10.1.2.3:8080", "pod-7.example"])
async def test_a_probe_may_call_by_any_name(api: Api, host: str) -> None:
    assert (await api.http.get("/actuator/health/liveness", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("name", ["coffee", "redis"])
async def test_a_part_that_is_not_used_here_is_not_found(api: Api, name: str) -> None:
    answer = await api.http.get(f"/actuator/health/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_PATH")
