"""The guardian ends commands when the worker is gone, and never stands in its way."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from scheduler_sdk.command import guardian, members
from scheduler_sdk.command.guardian import Guardian
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer
from tests.sdk.observed import running


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], start_new_session=True)


async def test_it_stops_what_it_still_watches_when_it_is_let_go() -> None:
    watched, forgotten, other = sleeper(), sleeper(), sleeper()
    try:
        guard = Guardian()
        guard.start()
        for each in (watched, forgotten):
            guard.watch(each.pid)
        guard.forget(forgotten.pid)
        await guard.close()
        assert watched.wait(20) == -15
        assert running(forgotten.pid)
        assert running(other.pid)
    finally:
        for each in (watched, forgotten, other):
            each.kill()
            each.wait()


async def test_without_a_shell_commands_run_unguarded(
    server: FakeServer,
    crew: Crew,
    monkeypatch: pytest.MonkeyPatch,
    messages: Callable[[], list[str]],
) -> None:
    monkeypatch.setattr(guardian, "SHELL", "/no/such/shell")
    task = await server.command(["true"])
    worker = await crew.start()
    await server.ended(task)
    await crew.end(worker)
    assert task.status == "COMPLETED"
    assert "commands will outlive this worker if it is killed" in messages()[0]


async def test_a_guardian_that_was_killed_does_no_harm() -> None:
    guard = Guardian()
    guard.start()
    assert guard.shell is not None
    guard.shell.kill()
    guard.shell.wait()
    guard.watch(1_000_000)
    guard.forget(1_000_000)
    await guard.close()


def test_who_is_alive_is_asked_of_the_kernel_where_there_is_no_proc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    process = sleeper()
    monkeypatch.setattr(members, "_PROCESSES", tmp_path)
    assert members.is_alive(process.pid)
    process.kill()
    process.wait()
    assert not members.is_alive(process.pid)


def test_processes_that_may_not_be_signalled_are_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(group: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr("os.killpg", forbid)
    assert members.is_alive(1)
