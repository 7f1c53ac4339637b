"""One life of a platform on a store that is given: asks what stands on its input, and says what was answered."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime, timedelta
from typing import Any

import httpx
from dependency_injector import providers

from bootstrap.container import Container
from bootstrap.running import running
from bootstrap.settings import Settings
from bootstrap.testing import ADDRESS, FakeClock, LocalPlatform
from interfaces.rest.app import create_app
from scheduler_sdk.async_client import AsyncClient


async def _live(url: str, start: datetime, steps: list[list[Any]]) -> list[Any]:
    clock = FakeClock(start)
    container = Container(settings=providers.Object(Settings(database_url=url)), clock=providers.Object(clock))
    answers = list[Any]()
    async with running(container, migrate=True, loops=False):
        transport = httpx.ASGITransport(create_app(container.services()))  # type: ignore[arg-type]
        async with (
            httpx.AsyncClient(transport=transport, base_url=ADDRESS) as http,
            AsyncClient(ADDRESS, transport=transport) as client,
        ):
            platform = LocalPlatform(client, http, container, clock, {"close": lambda: None})
            await platform.register()
            for method, path, body in steps:
                if method == "ADVANCE":
                    await platform.advance(timedelta(hours=path))
                elif method == "SCAN":
                    await container.scanner().tick()
                else:
                    answer = await http.request(method, path, json=body)
                    answers.append([answer.status_code, answer.json()])
    return answers


if __name__ == "__main__":
    url, start = sys.argv[1:]
    answers = asyncio.run(_live(url, datetime.fromisoformat(start), json.load(sys.stdin)))
    sys.stdout.write(json.dumps(answers))
