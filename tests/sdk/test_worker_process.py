"""The worker as a process of its own: what signals do to it and to its commands."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.sdk.fake_server import FakeServer
from tests.sdk.observed import pids, running

pytestmark = pytest.mark.slow

SCRIPT = """
import logging, sys
from scheduler_sdk.worker import Worker
logging.basicConfig(level=logging.INFO, format="%(message)s")
sys.exit(Worker(sys.argv[1], executor_id="process", commands=True, kill_grace=600.0).run_forever())
"""


@asynccontextmanager
async def worker_process(server: FakeServer) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, server.url, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        async with asyncio.timeout(20):
            await process.communicate()


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str]:
    async with asyncio.timeout(20):
        _, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, errors.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_begins_the_drain(server: FakeServer, tmp_path: Path, number: signal.Signals) -> None:
    task = await server.command(f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo done")
    async with worker_process(server) as process:
        await server.until(lambda: task.status == "RUNNING")
        process.send_signal(number)
        await server.until(lambda: server.bodies("claim")[-1]["max"] == 0)
        (tmp_path / "go").touch()
        code, log = await ended(process)
    assert (code, task.status) == (0, "COMPLETED")
    assert f"executor process ready: server {server.url}, pool default, slots 100, types COMMAND" in log
    assert f"{number.name}: draining" in log
    assert server.sessions["process"].left


@pytest.mark.parametrize(("second", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_second_signal_ends_it_at_once(
    server: FakeServer, tmp_path: Path, second: signal.Signals, exit_code: int
) -> None:
    task = await server.command(f"echo $$ >{tmp_path}/log; trap '' TERM; while true; do sleep 0.05; done")
    async with worker_process(server) as process:
        await server.until(lambda: pids(tmp_path / "log"))
        process.send_signal(signal.SIGTERM)
        await server.until(lambda: server.bodies("claim")[-1]["max"] == 0)
        process.send_signal(second)
        code, log = await ended(process)
    assert (code, task.status) == (exit_code, "RELEASED")
    assert f"{second.name}: ending at once" in log
    assert not running(pids(tmp_path / "log")[0])


async def test_a_refused_worker_ends_with_an_error(server: FakeServer) -> None:
    server.fail_next("register", 403)
    async with worker_process(server) as process:
        code, log = await ended(process)
    assert code == 1
    assert "the worker ends: the register is answered 403" in log


async def test_when_the_worker_is_killed_its_commands_end_too(server: FakeServer, tmp_path: Path) -> None:
    log = tmp_path / "log"
    polite = await server.command(f"sh -c 'echo $$ >>{log}; exec sleep 600' & echo $$ >>{log}; wait")
    deaf = await server.command(f"trap '' TERM; echo $$ >>{log}; while true; do sleep 0.05; done")
    finished = await server.command(["true"])
    async with worker_process(server) as process:
        await server.until(lambda: len(pids(log)) == 3 and finished.status == "COMPLETED")
        assert all(running(pid) for pid in pids(log))
        process.kill()
        await server.until(lambda: not any(running(pid) for pid in pids(log)))
    assert (polite.status, deaf.status) == ("RUNNING", "RUNNING")
