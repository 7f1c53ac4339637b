"""A local platform whose clock a test moves: days pass in a moment, and everything happens at its time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bootstrap.testing import local_platform
from scheduler_sdk.errors import Cancel, NonRetryable, Snooze
from tests.architecture.sources import ROOT

JOB: dict[str, Any] = {"name": "render", "type": "PYTHON", "handler": "invoice.render", "active": True}
START = datetime(2031, 3, 29, 12, tzinfo=UTC)


def add(a: int, b: int = 1) -> int:
    return a + b


async def test_a_cron_job_fires_at_its_times_and_runs_its_handler() -> None:
    async with local_platform({"add": add}, start=START) as platform:
        trigger = {"type": "CRON", "expression": "30 2 * * *", "timeZone": "Europe/Berlin"}
        job: Any = {**JOB, "handler": "add", "parameters": {"a": 41}, "trigger": trigger}
        await platform.client.create_job(job)
        await platform.advance(timedelta(days=2))
        assert platform.now == START + timedelta(days=2)
        tasks = [task async for task in platform.client.tasks()]
        assert [(task["status"], task["result"]) for task in tasks] == [("COMPLETED", 42)] * 2
        nominal = [fire["nominalAt"] async for fire in platform.client.occurrences("render")]
        assert nominal == ["2031-03-31T00:30:00Z", "2031-03-30T01:00:00Z"]  # the night in which 02:30 does not exist


async def test_a_failed_attempt_is_tried_again_when_its_policy_says() -> None:
    attempts: list[datetime] = []

    async def flaky() -> str:
        attempts.append(platform.now)
        if len(attempts) < 3:
            raise ConnectionError("no route")
        return "sent"

    async with local_platform({"flaky": flaky}, start=START) as platform:
        retry = {"maxAttempts": 3, "delay": "PT10M", "strategy": "EXPONENTIAL_BACKOFF", "jitter": 0}
        await platform.client.create_job({**JOB, "handler": "flaky", "retry": retry})
        task = await platform.client.trigger("render")
        await platform.advance(timedelta(hours=1))
        assert [instant - START for instant in attempts] == [timedelta(minutes=m) for m in (0, 10, 30)]
        assert (await platform.client.task(task["id"]))["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("ending", "status"),
    [(Cancel("nothing to do"), "CANCELLED"), (NonRetryable("broken"), "FAILED"), (Snooze(60.0), "WAITING_RETRY")],
)
async def test_a_handler_ends_its_attempt_as_it_would_in_a_worker(ending: Exception, status: str) -> None:
    def handler() -> None:
        raise ending

    async with local_platform({"h": handler}) as platform:
        await platform.client.create_job({**JOB, "handler": "h"})
        task = await platform.client.trigger("render")
        await platform.settle()
        assert (await platform.client.task(task["id"]))["status"] == status


async def test_what_depends_on_others_runs_after_them_with_their_results() -> None:
    async with local_platform({"add": add}, start=START) as platform:
        await platform.client.create_job({**JOB, "name": "one", "handler": "add", "parameters": {"a": 1}})
        parameters: Any = {"a": "${upstream.one.result}", "b": 40}
        after: Any = {"trigger": {"type": "DEPENDENCY"}, "dependencies": [{"job": "one"}]}
        await platform.client.create_job({**JOB, "name": "two", "handler": "add", "parameters": parameters, **after})
        task = await platform.client.trigger("one")
        await platform.settle()
        run = await platform.client.get_run(task["id"])
        assert [(each["jobName"], each["status"]) for each in run["tasks"]] == [
            ("one", "COMPLETED"),
            ("two", "COMPLETED"),
        ]
        assert [task["result"] async for task in platform.client.tasks(job="two")] == [42]


async def test_the_example_of_the_how_to_works() -> None:
    page = (ROOT / "docs" / "how-to" / "write-an-executor.md").read_text(encoding="utf-8")
    (example,) = [text for text in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "local_platform" in text]
    names: dict[str, Any] = {}
    exec(example, names)
    await names["test_an_invoice_is_rendered_every_morning"]()
