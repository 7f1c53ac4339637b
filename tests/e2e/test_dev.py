"""`scheduler dev`: what it shows, what it refuses, how it stops."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

import httpx
import pytest

from tests.e2e.programs import Program, client, eventually, platform
from tests.processes import free_port


@pytest.mark.slow
def test_the_sample_jobs_run_and_the_addresses_are_printed(tmp_path: Path) -> None:
    with platform(tmp_path, "--example") as (program, address), client(address) as api:
        done = eventually(
            lambda: [t for t in api.tasks(status="COMPLETED") if t["jobName"] == "hello"], "the first hello completed"
        )
        assert any("Hello, it is" in line["message"] for line in api.task_logs(done[0]["id"]))
        assert f"{address}/docs" in program.output
        assert httpx.get(f"{address}/docs").status_code == 200
        assert program.stop() == 0


@pytest.mark.slow
def test_a_second_process_on_the_same_data_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with platform(tmp_path) as (first, _):
        second = Program(tmp_path / "second", "dev", "--data-dir", tmp_path / "data", "--port", str(free_port()))
        assert second.process.wait(60) != 0
        assert str(first.process.pid) in second.output
        assert "Traceback" not in second.output


@pytest.mark.slow
def test_an_address_that_others_could_reach_is_refused(tmp_path: Path) -> None:
    program = Program(tmp_path, "dev", "--data-dir", tmp_path / "data", "--host", "0.0.0.0")
    assert program.process.wait(60) != 0
    assert "refused" in program.output
    assert "authentication" in program.output


@pytest.mark.slow
def test_a_running_command_is_stopped_and_released_when_the_platform_is_told_to_stop(tmp_path: Path) -> None:
    job = {
        "name": "long",
        "type": "COMMAND",
        "active": True,
        "parameters": {"command": "trap '' TERM; echo begun; sleep 600"},
    }
    with platform(tmp_path) as (program, address), client(address) as api:
        api.apply([job])
        task_id = api.trigger("long")["id"]
        eventually(lambda: list(api.task_logs(task_id)), "the command has begun")
        assert program.stop() == 0
    with platform(tmp_path) as (_, address), client(address) as api:
        first = eventually(lambda: list(api.attempts(task_id))[:1], "attempts")[0]
        assert (first["error"] or {}).get("code") == "EXECUTOR_LOST"
        api.cancel(task_id)


@pytest.mark.slow
def test_a_database_of_another_program_is_refused_with_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "data" / "scheduler.sqlite"
    file.parent.mkdir()
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE jobs (what TEXT)")
    program = Program(tmp_path, "dev", "--data-dir", file.parent, "--port", str(free_port()))
    assert program.process.wait(60) == 1
    assert f"The database {file} has a table 'jobs' that is not the platform's" in program.output
    assert not re.search("Traceback|sqlalche|CREATE", program.output)


@pytest.mark.slow
def test_a_file_that_is_no_database_is_refused_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "data" / "scheduler.sqlite"
    file.parent.mkdir()
    file.write_bytes(b"no database " * 400)
    program = Program(tmp_path, "dev", "--data-dir", file.parent, "--port", str(free_port()))
    assert program.process.wait(60) == 1
    assert "file is not a database" in program.output
    assert str(file.parent) in program.output
    assert not re.search("Traceback|Repeat the request", program.output)
