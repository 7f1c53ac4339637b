"""A worker of one's own on a real platform: what handlers say and how they end is seen through the API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from scheduler_sdk.async_client import AsyncClient
from scheduler_sdk.context import TaskContext
from scheduler_sdk.errors import Cancel, Snooze
from scheduler_sdk.job_types.http import HttpRules
from scheduler_sdk.worker import Worker
from tests.e2e.programs import platform
from tests.sdk import process_handlers

pytestmark = pytest.mark.slow


@contextlib.asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    running = asyncio.create_task(worker.run())
    try:
        await worker.ready.wait()
        yield
    finally:
        worker.stop()
        await running


def job(name: str, type: str = "PYTHON", **more: Any) -> dict[str, Any]:
    given = {"name": name, "type": type, "active": True, "retry": {"maxAttempts": 2, "delay": "PT0S"}}
    return given | ({"handler": name} if type == "PYTHON" else {}) | more


async def outcome(client: AsyncClient, name: str, **parameters: Any) -> Any:
    task = await client.trigger(name, parameters=parameters or None)
    return await client.wait(task["id"], timeout=60)


async def test_what_handlers_say_and_how_they_end_is_seen_through_the_api(tmp_path: Path) -> None:
    database = tmp_path / "shop.sqlite"
    database.touch()
    with platform(tmp_path / "platform") as (_, address):
        worker = Worker(address, http=HttpRules(allow_private=True), sql={"shop": f"sqlite:///{database}"})
        worker.handler("end")(process_handlers.end)
        go_on = asyncio.Event()

        @worker.handler("count")
        async def count_to(context: TaskContext, to: int) -> int:
            """One step an attempt; what was reached before comes with the checkpoint."""
            reached = (context.checkpoint or 0) + 1
            context.progress(reached / to, f"at {reached}")
            context.save_checkpoint(reached)
            if reached < to:
                raise Snooze(0.01, "to be continued")
            await go_on.wait()
            return reached

        @worker.handler("cancel")
        async def cancel() -> None:
            raise Cancel("nothing to do")

        jobs = [
            job("count", parameters={"to": 4}),
            job("end", parameters={"how": "exit"}),
            job("cancel"),
            job("ping", "HTTP", parameters={"url": f"{address}/actuator/health"}),
            job("sum", "SQL", parameters={"connection": "shop", "statement": "select 1 + 1 as sum"}),
        ]
        async with working(worker), AsyncClient(address) as client:
            assert [each["action"] for each in await client.apply(jobs)] == ["CREATED"] * 5

            task = await client.trigger("count")
            async with asyncio.timeout(60):
                while (await client.task(task["id"]))["progress"] != 1.0:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            go_on.set()
            counted = await client.wait(task["id"], timeout=60)
            assert (counted["status"], counted["result"], counted["attempt"]) == ("COMPLETED", 4, 4)
            attempts = await client.attempts(task["id"])
            assert [attempt["status"] for attempt in attempts] == ["SNOOZED"] * 3 + ["COMPLETED"]
            lines = [line["message"] async for line in client.task_logs(task["id"], follow=True)]
            assert lines == ["at 1", "at 2", "at 3", "at 4"]

            died = await outcome(client, "end")
            assert (died["status"], died["error"]["code"], died["attempt"]) == ("FAILED", "HANDLER_DIED", 2)
            wrong = await outcome(client, "count", to="four")
            assert (wrong["status"], wrong["error"]["code"], wrong["attempt"]) == ("FAILED", "INVALID_PARAMETERS", 1)
            assert (await outcome(client, "cancel"))["status"] == "CANCELLED"
            assert (await outcome(client, "ping"))["result"]["body"]["status"] == "UP"
            assert (await outcome(client, "sum"))["result"]["rows"] == [[2]]
