"""Faults planted in the store are seen over REST, kept, counted, told in the outbox, and mended where that is safe."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from application.scheduling.health_scanner import EVERY
from bootstrap.container import Container
from infrastructure.sql.scheduling.health_tables import schedule_findings
from infrastructure.sql.scheduling.tables import occurrences, outbox, schedules
from tests.integration.rest.api import Api

MINUTELY = {"type": "CRON", "expression": "* * * * *", "timeZone": "UTC"}


async def plant(container: Container, **columns: Any) -> None:
    """Spoil the one schedule row."""
    async with container.store().engine.begin() as connection:
        await connection.execute(sa.update(schedules).values(columns))


async def health(api: Api) -> tuple[str, list[str]]:
    found = await api.get("/jobs/backup/health")
    return found["status"], [finding["finding"] for finding in found["findings"]]


async def kept(container: Container) -> list[str]:
    async with container.store().reader.connect() as connection:
        return list((await connection.execute(sa.select(schedule_findings.c.ailment))).scalars())


async def told(container: Container) -> int:
    async with container.store().reader.connect() as connection:
        texts = (await connection.execute(sa.select(sa.cast(outbox.c.events, sa.Text)))).scalars()
        return sum(text.count("ScheduleHealthChanged") for text in texts)


async def test_a_healthy_job_is_ok_and_shows_what_it_plans(api: Api, container: Container) -> None:
    job = await api.create_job(trigger=MINUTELY)
    await container.planner().tick()
    assert await container.scanner().tick() == EVERY
    found = await api.get("/jobs/backup/health")
    assert (found["status"], found["findings"], found["dueAt"]) == ("OK", [], job["nextFireAt"])
    assert len(found["planned"]) == 8
    assert (await kept(container), await told(container)) == ([], 0)


@pytest.mark.parametrize(
    ("fault", "status", "finding", "mended"),
    [
        ({"late": 120}, "WARNING", "OVERDUE", False),
        ({"due_at": None}, "ERROR", "FROZEN", True),
        ({"due_at": None, "upcoming": "[]", "exhausted": True}, "ERROR", "FROZEN", True),
        ({"active": False}, "ERROR", "FROZEN", True),
        ({"upcoming": "[7258118400000000]"}, "ERROR", "DRIFTED", True),
        ({"job_version": 9}, "ERROR", "DRIFTED", True),
        ({"health_error": "ValueError: no such zone", "failures": 4}, "ERROR", "SET_ASIDE", False),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
async def test_a_planted_fault_is_found_told_once_and_mended_where_that_is_safe(
    api: Api, container: Container, fault: dict[str, Any], status: str, finding: str, mended: bool
) -> None:
    await api.create_job(trigger=MINUTELY)
    await container.planner().tick()
    if "late" in fault:
        async with container.work() as work:
            fault = {"due_at": work.now - timedelta(seconds=fault["late"])}
    await plant(container, **fault)
    assert await health(api) == (status, [finding])
    await container.scanner().tick()
    assert await kept(container) == [finding]
    metrics = (await api.http.get("/actuator/prometheus")).text
    assert f'scheduler_schedule_findings{{finding="{finding}"}} 1.0' in metrics
    await container.scanner().tick()
    assert (await health(api) == ("OK", [])) is mended
    assert (await kept(container), await told(container)) == (([], 2) if mended else ([finding], 1))


async def test_a_run_that_is_awaited_and_gone_is_found(api: Api, container: Container) -> None:
    await api.create_job(trigger={"type": "FIXED_DELAY", "delay": "PT1H"})
    await container.planner().tick()
    assert await health(api) == ("OK", [])
    async with container.store().engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM tasks")
    assert await health(api) == ("ERROR", ["AWAITS_NOBODY"])
    await container.follower().tick()
    assert await health(api) == ("OK", [])


async def test_an_entry_that_is_missing_in_the_ledger_is_found(api: Api, container: Container) -> None:
    await api.create_job(trigger={"type": "FIXED_RATE", "every": "PT0.1S"}, overlap="ALLOW")
    async with container.work() as work:
        past = work.now - timedelta(minutes=1)
    await plant(container, since=past, last_nominal=None, upcoming="[]", due_at=past)
    async with container.store().engine.begin() as connection:
        await connection.execute(sa.update(schedules).values(last_nominal=past))
    for _ in range(2):
        await container.planner().tick()
    status, findings = await health(api)
    assert "LEDGER_GAP" not in findings
    async with container.store().engine.begin() as connection:
        await connection.execute(sa.delete(occurrences))
    status, findings = await health(api)
    assert (status, "LEDGER_GAP" in findings) == ("ERROR", True)


async def test_a_job_that_is_not_there_is_not_found_and_one_that_rests_is_ok(api: Api) -> None:
    assert (await api.refusal("GET", "/jobs/nobody/health"))["code"] == "JOB_NOT_FOUND"
    await api.create_job(trigger=MINUTELY, active=False)
    found = await api.get("/jobs/backup/health")
    assert (found["status"], found["dueAt"], found["planned"]) == ("OK", None, [])
