"""Whatever a command does, its attempt ends properly, nothing of it stays, and the worker lives on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scheduler_sdk.execution import deadlines
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer
from tests.sdk.observed import open_files, pids, running, written, zombies


@pytest.fixture
def deaf(tmp_path: Path, log: Path) -> str:
    """A command that writes its process id to the log and then ignores SIGTERM."""
    script = tmp_path / "deaf"
    script.write_text(f"trap '' TERM; echo $$ >>{log}; while true; do sleep 0.1; done")
    return f"sh {script}"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file to which commands write their process ids."""
    return tmp_path / "log"


async def test_a_cancelled_command_gets_a_chance_to_tidy_up(server: FakeServer, crew: Crew) -> None:
    task = await server.command("trap 'echo tidying; exit 0' TERM; echo started; while true; do sleep 0.05; done")
    await crew.start(kill_grace=60.0)
    await server.until(lambda: task.output == ["started"])
    await server.cancel(task)
    await server.until(lambda: task.status == "CANCELLED")
    assert [report["kind"] for report in task.reports][-1] == "STOPPED"
    assert zombies() == []


async def test_one_that_ignores_the_request_is_killed_with_all_its_children(
    server: FakeServer, crew: Crew, deaf: str, log: Path
) -> None:
    task = await server.command(f"{deaf} & {deaf} & exec {deaf}")
    await crew.start(kill_grace=0.2)
    await server.until(lambda: len(pids(log)) == 3)
    await server.cancel(task)
    await server.until(lambda: task.status == "CANCELLED")
    assert not any(running(pid) for pid in pids(log))
    assert zombies() == []


async def test_one_that_is_suspended_can_be_stopped(server: FakeServer, crew: Crew, log: Path) -> None:
    task = await server.command(f"echo $$ >{log}; kill -STOP $$; sleep 600")
    await crew.start(kill_grace=60.0)
    await server.until(lambda: pids(log))
    await server.cancel(task)
    await server.until(lambda: task.status == "CANCELLED")


async def test_a_cancel_reaches_a_worker_without_a_free_slot(server: FakeServer, crew: Crew) -> None:
    task = await server.command(["sleep", "600"])
    waiting = await server.command(["true"])
    await crew.start(slots=1)
    await server.until(
        lambda: server.open_claims and task.status == "RUNNING" and server.bodies("claim")[-1]["max"] == 0
    )
    await server.cancel(task)
    await server.ended(task, waiting)
    assert (task.status, waiting.status) == ("CANCELLED", "COMPLETED")
    assert server.count("heartbeat") == 0


async def test_processes_left_behind_in_the_group_are_stopped(
    server: FakeServer, crew: Crew, deaf: str, log: Path
) -> None:
    task = await server.command(f"{deaf} & while [ ! -s {log} ]; do sleep 0.01; done; echo done")
    await crew.start(kill_grace=0.2)
    await server.ended(task)
    assert (task.status, task.output[0]) == ("COMPLETED", "done")
    assert "left behind were stopped" in task.output[-1]
    assert not any(running(pid) for pid in pids(log))


async def test_processes_that_soon_end_by_themselves_are_left_to_it(server: FakeServer, crew: Crew, log: Path) -> None:
    task = await server.command(f"(sleep 0.3; echo 1 >{log}; echo late) & echo early")
    await crew.start(kill_grace=60.0)
    await server.ended(task)
    assert (task.status, task.output, written(log)) == ("COMPLETED", ["early", "late"], "1\n")


async def test_one_that_escaped_and_holds_the_output_does_not_hold_the_task(
    server: FakeServer, crew: Crew, log: Path
) -> None:
    task = await server.command(f"setsid sh -c 'echo $$ >{log}; exec sleep 600' & printf 'no end of line'; exit 5")
    await crew.start()
    try:
        await server.ended(task)
        assert task.error["message"] == "exit code 5"
        assert task.output[0] == "no end of line"
        assert "holds its output open" in task.output[-1]
        assert not task.orphans
    finally:
        await server.until(lambda: pids(log))
        os.kill(pids(log)[0], 9)


async def test_a_small_fork_bomb_ends_with_its_task(server: FakeServer, crew: Crew, log: Path) -> None:
    split = "(bomb $(($1 + 1))) & (bomb $(($1 + 1))) & wait"
    task = await server.command(f"bomb() {{ echo $1 >>{log}; [ $1 -gt 4 ] && exec sleep 600; {split}; }}; bomb 0")
    after = await server.command(["echo", "alive"])
    await crew.start()
    await server.until(lambda: len(written(log).split()) == 63)
    await server.cancel(task)
    await server.ended(task, after)
    assert (task.status, after.output) == ("CANCELLED", ["alive"])
    assert zombies() == []


async def test_many_commands_leave_no_zombie_and_no_descriptor_open(server: FakeServer, crew: Crew) -> None:
    await crew.start(slots=20)
    first = [await server.command("echo x; kill -9 $$") for _ in range(20)]
    await server.ended(*first)
    before = open_files()
    tasks = [await server.command(f"echo {number}; exit {number % 2}") for number in range(100)]
    await server.ended(*tasks)
    assert [task.status for task in tasks] == ["COMPLETED", "FAILED"] * 50
    assert zombies() == []
    await server.until(lambda: open_files() <= before + 2)  # a connection may be open or not


async def test_one_whose_time_out_the_server_never_orders_is_stopped_all_the_same(
    server: FakeServer, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "ALLOWANCE", 0.1)
    endless = await server.command(["sleep", "600"], timeout=1000)
    late = await server.command(["sleep", "600"], timeout=0.3)
    later = await server.command(["sleep", "600"], timeout=0.6)
    await crew.start()
    await server.ended(late, later)
    assert (late.status, later.status, endless.status) == ("CANCELLED", "CANCELLED", "RUNNING")
    assert late.reports[-1]["kind"] == "STOPPED"


async def test_without_a_pidfd_the_end_is_noticed_too(
    server: FakeServer, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    failing = await server.command("echo x; exit 3")
    stopped = await server.command(["sleep", "600"])
    await crew.start()
    await server.until(lambda: failing.status == "FAILED" and stopped.status == "RUNNING")
    await server.cancel(stopped)
    await server.ended(stopped)
    assert (failing.error["message"], stopped.status, zombies()) == ("exit code 3", "CANCELLED", [])
