"""A worker that is stopped claims nothing more, lets its tasks finish, gives back the rest, and takes its leave."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path

import pytest

from scheduler_sdk.context import TaskContext
from scheduler_sdk.worker import Worker
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer
from tests.sdk.observed import pids, running, zombies


async def test_an_idle_worker_leaves_at_once(server: FakeServer, crew: Crew) -> None:
    worker = await crew.start()
    await server.until(server.open_claims.total)
    await crew.end(worker)
    assert server.sessions[worker.executor_id or ""].left
    assert server.calls[-1][0] == "leave"


async def test_running_tasks_finish_and_nothing_new_begins(server: FakeServer, crew: Crew, tmp_path: Path) -> None:
    task = await server.command(f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo finished")
    worker = await crew.start()
    await server.until(lambda: task.status == "RUNNING")
    worker.stop()
    await server.until(lambda: server.open_claims.total() == 0 and server.bodies("claim")[-1]["max"] == 0)
    late = await server.command(["true"])
    (tmp_path / "go").touch()
    await asyncio.wait_for(crew.run_of(worker), 20)
    assert (task.status, task.output, late.status) == ("COMPLETED", ["finished"], "PENDING")
    assert server.sessions[worker.executor_id or ""].left


async def test_a_cancel_still_arrives_while_a_worker_drains(server: FakeServer, crew: Crew) -> None:
    task = await server.command(["sleep", "600"])
    worker = await crew.start(drain_timeout=600.0)
    await server.until(lambda: task.status == "RUNNING")
    worker.stop()
    await server.cancel(task)
    await asyncio.wait_for(crew.run_of(worker), 20)
    assert task.status == "CANCELLED"


async def test_what_does_not_finish_in_time_is_stopped_and_given_back(
    server: FakeServer, crew: Crew, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    stubborn = await server.command(f"echo $$ >>{log}; trap '' TERM; while true; do sleep 0.05; done")
    polite = await server.command(f"trap 'echo bye; exit 0' TERM; echo $$ >>{log}; while true; do sleep 0.05; done")
    worker = await crew.start(drain_timeout=0.1, kill_grace=0.3)
    await server.until(lambda: len(pids(log)) == 2)
    await crew.end(worker)
    assert (stubborn.status, polite.status) == ("RELEASED", "RELEASED")
    assert "bye" in polite.output
    assert not any(running(pid) for pid in pids(log))
    assert server.calls[-1][0] == "leave"


async def test_in_a_hurry_commands_are_killed_and_given_back(server: FakeServer, crew: Crew, tmp_path: Path) -> None:
    log = tmp_path / "log"
    task = await server.command(f"echo $$ >{log}; trap '' TERM; while true; do sleep 0.05; done")
    worker = await crew.start(drain_timeout=600.0, kill_grace=600.0)
    await server.until(lambda: pids(log))
    worker.stop()
    await server.until(lambda: server.bodies("claim")[-1]["max"] == 0)
    await crew.end(worker, at_once=True)
    assert task.status == "RELEASED"
    assert not running(pids(log)[0])
    assert zombies() == []


async def test_a_worker_that_cannot_deliver_its_last_reports_ends_all_the_same(
    server: FakeServer, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler_sdk.duty.DELIVER_WITHIN", 0.2)
    task = await server.command(["sleep", "600"])
    worker = await crew.start(drain_timeout=0.0)
    await server.until(lambda: task.status == "RUNNING")
    await server.stop()
    await crew.end(worker)
    assert task.status == "RUNNING"


async def test_a_thread_that_never_ends_does_not_hold_up_the_worker(
    server: FakeServer, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler_sdk.duty.DEATH", 0.1)
    monkeypatch.setattr("scheduler_sdk.worker.DEATH", 0.1)
    worker = crew.worker(drain_timeout=0.0, kill_grace=0.1)
    release = threading.Event()

    @worker.handler("stuck")
    def stuck(context: TaskContext, parameters: object) -> None:
        release.wait()

    task = await server.add(handler="stuck")
    await crew.start(worker)
    await server.until(lambda: task.status == "RUNNING")
    await crew.end(worker)
    release.set()
    assert task.status == "PENDING"  # the leave gave it back
    assert server.sessions[worker.executor_id or ""].left


async def test_tasks_that_arrive_when_the_drain_is_over_are_given_back(server: FakeServer, crew: Crew) -> None:
    server.latency = 0.3
    worker = crew.worker(slots=2, drain_timeout=0.0)
    release = asyncio.Event()

    @worker.handler("slow")
    async def slow(context: TaskContext, parameters: object) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(600)
        await release.wait()

    first = await server.add(handler="slow")
    await crew.start(worker)
    await server.until(lambda: first.status == "RUNNING")
    await server.until(lambda: server.count("claim") == 2)  # the second one's answer is under way
    second = await server.add(handler="slow")
    worker.stop()
    await server.until(lambda: second.status == "RELEASED")
    release.set()
    await asyncio.wait_for(crew.run_of(worker), 20)
    assert first.status == "RELEASED"


async def test_a_cancelled_run_leaves_no_process_behind(server: FakeServer, crew: Crew, tmp_path: Path) -> None:
    log = tmp_path / "log"
    await server.command(f"echo $$ >{log}; trap '' TERM; while true; do sleep 0.05; done")
    worker = await crew.start()
    await server.until(lambda: pids(log))
    crew.run_of(worker).cancel()
    with pytest.raises(asyncio.CancelledError):
        await crew.run_of(worker)
    assert not running(pids(log)[0])
    assert zombies() == []
    assert server.count("leave") == 0


async def test_a_session_that_ends_during_the_drain_is_not_begun_again(server: FakeServer, crew: Crew) -> None:
    task = await server.command(["sleep", "600"])
    worker = await crew.start(drain_timeout=600.0)
    await server.until(lambda: task.status == "RUNNING")
    worker.stop()
    await server.until(lambda: server.bodies("claim")[-1]["max"] == 0)
    await server.end_sessions()
    await asyncio.wait_for(crew.run_of(worker), 20)
    assert server.count("register") == 1


async def test_a_worker_runs_once_and_needs_something_to_run(server: FakeServer, crew: Crew) -> None:
    worker = await crew.start()
    with pytest.raises(RuntimeError, match="runs once"):
        await worker.run()
    with pytest.raises(ValueError, match="nothing to run"):
        await Worker(server.url).run()
    with pytest.raises(ValueError, match="at least one slot"):
        Worker(server.url, slots=0)
