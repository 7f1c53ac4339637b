"""What a node shows of itself besides its health: what it is, what it counts, how much it logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from bootstrap.container import Container
from infrastructure.sql.migrations import head
from tests.integration.rest.api import Api

PACKAGE = "application.scheduling.planner"


async def scrape(api: Api) -> dict[str, list[Sample]]:
    """The samples of the metrics by the name of the sample."""
    answer = await api.http.get("/actuator/prometheus")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def value(samples: dict[str, list[Sample]], name: str, **labels: str) -> float:
    """Of the one sample with these labels among others."""
    [found] = [each.value for each in samples[name] if each.labels.items() >= labels.items()]
    return found


async def test_info_says_what_runs_here(api: Api, container: Container) -> None:
    info = (await api.http.get("/actuator/info")).json()
    assert info["build"]["name"] == "platform-scheduler"
    assert info["build"]["version"]
    assert info["database"] == {"dialect": container.store().dialect, "schema": head()}
    assert info["node"]["id"] == container.settings().node_id
    assert info["node"]["uptime"].startswith("PT")
    assert datetime.fromisoformat(info["node"]["startedAt"]).tzinfo is not None


async def test_the_figures_of_the_store_are_shown(api: Api) -> None:
    await api.create_job()
    await api.create_job("idle", active=False)
    await api.register(maxConcurrentTasks=5)
    await api.register("worker-2", maxConcurrentTasks=2, pool="gpu")
    for _ in range(3):
        await api.post("/tasks", {"jobId": (await api.get("/jobs/backup"))["id"]})
    assert len((await api.claim(most=2))["tasks"]) == 2
    samples = await scrape(api)
    assert value(samples, "scheduler_jobs_active_count") == 1
    assert value(samples, "scheduler_executor_count") == 2
    assert value(samples, "scheduler_executor_slots", pool="default") == 5
    assert value(samples, "scheduler_executor_slots_used", pool="default") == 2
    assert value(samples, "scheduler_executor_slots_used", pool="gpu") == 0
    assert value(samples, "scheduler_oldest_pending_age_seconds", pool="default") > 0
    assert value(samples, "scheduler_oldest_pending_age_seconds", pool="gpu") == 0


async def test_an_empty_store_has_figures_too(api: Api) -> None:
    samples = await scrape(api)
    assert value(samples, "scheduler_jobs_active_count") == 0
    assert value(samples, "scheduler_executor_count") == 0
    assert value(samples, "scheduler_executors_stalled_count") == 0
    assert "scheduler_executor_slots" not in samples


async def test_what_happens_to_tasks_is_counted(api: Api) -> None:
    job = await api.create_job(overlap="ALLOW", retry={"maxAttempts": 1})
    await api.register()
    for _ in range(2):
        await api.post("/tasks", {"jobId": job["id"]})
    await api.post("/jobs/backup/trigger")
    done, failed, _ = (await api.claim())["tasks"]
    await api.report(
        {"taskId": done["taskId"], "token": done["token"], "kind": "COMPLETE"},
        {"taskId": failed["taskId"], "token": failed["token"], "kind": "FAIL", "error": {"code": "E", "message": "m"}},
    )
    samples = await scrape(api)
    assert value(samples, "scheduler_tasks_scheduled_count") == 3
    assert value(samples, "scheduler_tasks_created_total", origin="DIRECT") == 2
    assert value(samples, "scheduler_tasks_created_total", origin="MANUAL") == 1
    assert value(samples, "scheduler_tasks_completed_count") == 1
    assert value(samples, "scheduler_tasks_failed_count") == 1
    assert value(samples, "scheduler_settlements_total", status="FAILED") == 1
    assert value(samples, "scheduler_queue_wait_seconds_count") == 3
    assert value(samples, "scheduler_task_duration_seconds_count") == 2


async def test_requests_are_counted_by_the_template_of_their_path(api: Api) -> None:
    await api.create_job()
    await api.get("/jobs/backup")
    await api.call("GET", "/jobs/nobody")
    await api.call("BREW", "/nowhere/at-all")
    samples = await scrape(api)

    def requests(method: str, route: str, status: str) -> float:
        name = "scheduler_http_request_duration_seconds_count"
        return value(samples, name, method=method, route=route, status=status)

    assert requests("POST", "/api/v1/jobs", "201") == 1
    assert requests("GET", "/api/v1/jobs/{job}", "200") == 1
    assert requests("GET", "/api/v1/jobs/{job}", "404") == 1
    assert requests("OTHER", "none", "404") == 1


async def test_the_process_and_the_node_are_shown(api: Api, container: Container) -> None:
    samples = await scrape(api)
    assert value(samples, "process_resident_memory_bytes") > 0
    assert value(samples, "scheduler_info", database=container.store().dialect) == 1


@pytest.fixture
def levels() -> Iterator[None]:
    """Puts back what a test changes."""
    before = {name: logging.getLogger(name).level for name in (None, PACKAGE, "application")}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


async def change(api: Api, logger: str, level: object) -> Any:
    answer = await api.http.post(f"/actuator/loggers/{logger}", json={"configuredLevel": level})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.usefixtures("levels")
async def test_a_level_changes_while_the_node_runs(api: Api) -> None:
    for name in (PACKAGE, "application"):
        await change(api, name, "DEBUG")
        assert logging.getLogger(PACKAGE).isEnabledFor(logging.DEBUG)
        await change(api, name, "OFF")
        assert not logging.getLogger(PACKAGE).isEnabledFor(logging.CRITICAL)
        await change(api, name, None)
    assert await change(api, "ROOT", "WARN") == {"effectiveLevel": "WARN", "configuredLevel": "WARN"}
    assert (await api.http.get(f"/actuator/loggers/{PACKAGE}")).json() == {"effectiveLevel": "WARN"}
    await change(api, PACKAGE, "INFO")
    assert (await api.http.get(f"/actuator/loggers/{PACKAGE}")).json() == {
        "effectiveLevel": "INFO",
        "configuredLevel": "INFO",
    }


async def test_all_loggers_are_listed_with_the_root_first(api: Api) -> None:
    answer = (await api.http.get("/actuator/loggers")).json()
    assert answer["levels"] == ["OFF", "ERROR", "WARN", "INFO", "DEBUG"]
    assert next(iter(answer["loggers"])) == "ROOT"
    assert answer["loggers"].keys() >= {PACKAGE, "application", "scheduler.access"}


@pytest.mark.usefixtures("levels")
async def test_what_is_no_logger_or_no_level_is_refused(api: Api) -> None:
    known = len(logging.root.manager.loggerDict)
    for method in ("GET", "POST"):
        answer = await api.http.request(method, "/actuator/loggers/no.such", json={"configuredLevel": "DEBUG"})
        assert answer.status_code == 404
    assert len(logging.root.manager.loggerDict) == known
    wrong = await api.http.post("/actuator/loggers/application", json={"configuredLevel": "LOUD"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "MALFORMED")
    root = await api.http.post("/actuator/loggers/ROOT", json={"configuredLevel": None})
    assert (root.status_code, root.json()["errors"][0]["code"]) == (422, "LEVEL_NEEDED")
