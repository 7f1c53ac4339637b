"""Two nodes on one Redis: wake-ups across nodes, what 5,000 executors' heartbeats cost, tasks of a dead executor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx

from benchmarks.measuring import Figures, cpu_seconds, percentile
from benchmarks.platforms import NOOP, Server, noop_workers, program, server, until_ready
from tests.processes import free_port
from tests.services import private_redis

TASKS = 200
EXECUTORS = 5_000
INTERVAL = 30.0  # seconds between two heartbeats of an executor
WINDOW = 15.0
TIMEOUT = 4.0
"""Seconds of silence after which an executor is lost, where that is measured."""


def run(figures: Figures) -> None:
    with private_redis() as redis:
        options = ("--set", "cluster.enabled=true", "--set", f"redis.url={redis.url}")
        with server(*options) as one, node(one, *options) as other:
            _wake_up(figures, one, other)
            asyncio.run(_heartbeats(figures, one))
        quick = ("--set", "executor.heartbeat-interval-seconds=1", "--set", f"executor.timeout-seconds={TIMEOUT}")
        with server(*options, *quick) as one, node(one, *options, *quick) as other:
            asyncio.run(_taken_over(figures, one, other))


@contextlib.contextmanager
def node(beside: Server, *options: str) -> Iterator[Server]:
    """One more node on the same database."""
    port, room = free_port(), beside.room / "second"
    room.mkdir()
    with program(room, "server", "--database-url", beside.database_url, "--port", str(port), *options) as process:
        address = f"http://127.0.0.1:{port}"
        until_ready(address)
        yield replace(beside, address=address, process=process, room=room)


def _wake_up(figures: Figures, one: Server, other: Server) -> None:
    [job] = one.apply({**NOOP, "name": "one"})
    submitted: dict[str, float] = {}
    with noop_workers(other, count=1, slots=10) as [note], httpx.Client(base_url=one.address) as client:
        for _ in range(TASKS):
            begin = time.time()
            answer = client.post("/api/v1/tasks", json={"jobId": job["jobId"]}).raise_for_status()
            submitted[answer.json()["id"]] = begin
            time.sleep(0.05)
    begun = dict(json.loads(line) for line in note.read_text().splitlines())
    waits = [1000 * (begun[task] - at) for task, at in submitted.items()][20:]
    figures.add("submit on one node → handler started at another, p50 ms", percentile(waits, 0.5))
    figures.add("submit on one node → handler started at another, p99 ms", percentile(waits, 0.99))


async def _heartbeats(figures: Figures, served: Server) -> None:
    """At the pace of that many executors, each with a session of its own."""
    async with httpx.AsyncClient(base_url=f"{served.address}/api/v1/cluster/executors", timeout=60) as client:
        first = {
            "executorId": "beat-0",
            "instanceId": "7f1c2a60-57a5-4a5e-9d20-7c3a0d2f4b11",
            "host": "h",
            "version": "1",
            "types": ["COMMAND"],
        }
        (await client.post("/", json=first)).raise_for_status()
        columns = [row["column_name"] for row in await asyncio.to_thread(served.sql, _COLUMNS)]
        values = ", ".join("'beat-' || n" if name == "id" else f"e.{name}" for name in columns)
        copies = f"generate_series(1, {EXECUTORS - 1}) AS n WHERE e.id = 'beat-0'"
        copy = f"INSERT INTO executors ({', '.join(columns)}) SELECT {values} FROM executors e, {copies}"
        await asyncio.to_thread(served.sql, copy)
        idle = await _cpu_percent(served, 5.0)
        beating = asyncio.create_task(_beat(client))
        busy = await _cpu_percent(served, WINDOW)
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
    figures.add(f"heartbeats of {EXECUTORS} executors, % of a core", busy - idle)


async def _taken_over(figures: Figures, one: Server, other: Server) -> None:
    """An executor of one node takes a task, beats and dies; another one waits for the task at the other node."""
    [job] = await asyncio.to_thread(one.apply, {**NOOP, "name": "taken-over"})
    async with httpx.AsyncClient(timeout=60) as client:

        async def call(served: Server, path: str, **body: object) -> dict[str, Any]:
            answer = await client.post(f"{served.address}/api/v1{path}", json=body)
            found: dict[str, Any] = answer.raise_for_status().json()
            return found

        async def claim(served: Server, executor: str) -> dict[str, Any]:
            path = f"/cluster/executors/{executor}/claim"
            return await call(served, path, epoch=1, claimId=str(uuid4()), max=1, wait="PT30S", started=True)

        known: dict[str, object] = {"host": "h", "version": "1", "types": ["PYTHON"], "handlers": [NOOP["handler"]]}
        for executor in ("dies", "lives"):
            await call(one, "/cluster/executors", executorId=executor, instanceId=str(uuid4()), **known)
        beat: dict[str, object] = {"epoch": 1, "running": []}
        for _ in range(round(TIMEOUT) + 1):  # nobody is taken for lost for so long after a start
            for executor in ("dies", "lives"):
                await call(one, f"/cluster/executors/{executor}/heartbeat", **beat)
            await asyncio.sleep(1)
        await call(one, "/tasks", jobId=job["jobId"])
        [item] = (await claim(one, "dies"))["tasks"]
        running = [{"taskId": item["taskId"], "token": item["token"]}]
        await call(one, "/cluster/executors/dies/heartbeat", epoch=1, running=running)
        died, waiting = time.monotonic(), asyncio.create_task(claim(other, "lives"))
        while not waiting.done():
            await call(other, "/cluster/executors/lives/heartbeat", **beat)
            await asyncio.wait({waiting}, timeout=1)
        if [each["taskId"] for each in waiting.result()["tasks"]] != [item["taskId"]]:
            raise AssertionError("the task of the dead executor was not claimed")
    figures.add("timeout → task of a dead executor claimed at another node, s", time.monotonic() - died - TIMEOUT)


async def _beat(client: httpx.AsyncClient) -> None:
    body, begin = {"epoch": 1, "running": []}, time.monotonic()
    for n in range(10 * EXECUTORS):
        await asyncio.sleep(max(0.0, begin + n * INTERVAL / EXECUTORS - time.monotonic()))
        (await client.post(f"/beat-{n % EXECUTORS}/heartbeat", json=body)).raise_for_status()


async def _cpu_percent(served: Server, seconds: float) -> float:
    before = cpu_seconds(served.process.pid)
    await asyncio.sleep(seconds)
    return 100 * (cpu_seconds(served.process.pid) - before) / seconds


_COLUMNS = """SELECT column_name FROM information_schema.columns
               WHERE table_schema = 'public' AND table_name = 'executors' ORDER BY ordinal_position"""
