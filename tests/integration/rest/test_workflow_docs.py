"""The workflow of the how-to: extract, eight transforms of which one fails and is retried, load; on both stores."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bootstrap.container import Container
from bootstrap.testing import ADDRESS, FakeClock, LocalPlatform
from interfaces.rest.app import create_app
from scheduler_sdk.async_client import AsyncClient
from tests.architecture.sources import ROOT

PAGE = ROOT / "docs" / "how-to" / "build-a-workflow.md"
TRANSFORMS = [f"transform-{n}" for n in range(1, 9)]


def blocks() -> list[dict[str, Any]]:
    """What the page's Python defines, block by block."""
    defined = []
    for text in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        names: dict[str, Any] = {"__name__": "page"}
        exec(text, names)
        defined.append(names)
    return defined


@pytest.fixture
async def platform(container: Container) -> AsyncIterator[LocalPlatform]:
    """Its clock is the real one: everything here is due at once."""
    work, _ = blocks()
    handlers = {f"sales.{name}": work[name] for name in ("extract", "transform", "load")}
    transport = httpx.ASGITransport(create_app(container.services()))  # type: ignore[arg-type]
    async with (
        httpx.AsyncClient(transport=transport, base_url=ADDRESS) as http,
        AsyncClient(ADDRESS, transport=transport) as client,
    ):
        platform = LocalPlatform(client, http, container, FakeClock(datetime.now(UTC)), handlers)
        await platform.register()
        yield platform


async def test_a_branch_fails_is_mended_and_retried_and_the_run_goes_on(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    client = platform.client
    jobs = blocks()[1]["JOBS"]
    jobs[0]["parameters"] = {"folder": str(tmp_path)}
    assert [applied["action"] for applied in await client.apply(jobs)] == ["CREATED"] * 10
    plan = await client.plan("extract")
    assert [[job["name"] for job in level] for level in plan["levels"]] == [["extract"], TRANSFORMS, ["load"]]

    run = (await client.trigger("extract"))["id"]
    await platform.settle()
    found = await client.get_run(run)
    tasks = {task["jobName"]: task for task in found["tasks"]}
    assert found["state"] == "FAILED"
    assert {name: task["status"] for name, task in tasks.items()} == {
        "extract": "COMPLETED",
        **dict.fromkeys(TRANSFORMS, "COMPLETED"),
        "transform-5": "FAILED",
        "load": "SKIPPED",
    }
    (reason,) = (await client.explain_task(tasks["load"]["taskId"]))["reasons"]
    assert tasks["transform-5"]["taskId"] in (reason["fix"] or "")

    file = tmp_path / "shop-5.csv"
    file.write_text(file.read_text().replace("2x", "23"))
    await client.retry(tasks["transform-5"]["taskId"], downstream=True, reason="typo mended")
    await platform.settle()
    found = await client.get_run(run)
    assert found["state"] == "COMPLETED"
    assert {task["status"] for task in found["tasks"]} == {"COMPLETED"}
    assert {task["taskId"] for task in found["tasks"]} == {task["taskId"] for task in tasks.values()}
    load = await client.task(tasks["load"]["taskId"])
    assert load["result"] == {"shops": 8, "total": 8 * (19 + 23) + sum(range(1, 9))}
    attempts = {task["jobName"]: task["attempt"] async for task in client.tasks()}
    assert attempts == {"extract": 1, **dict.fromkeys(TRANSFORMS, 1), "transform-5": 2, "load": 1}
