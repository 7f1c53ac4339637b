"""A COMMAND task runs a real program, and its end says what became of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer


async def test_a_command_that_succeeds_completes_with_its_exit_code(server: FakeServer, crew: Crew) -> None:
    task = await server.command(["echo", "hello", "world"])
    await crew.start()
    await server.ended(task)
    assert (task.status, task.result) == ("COMPLETED", {"exitCode": 0})
    assert [(line["stream"], line["level"], line["message"]) for line in task.lines] == [
        ("stdout", "INFO", "hello world")
    ]


async def test_a_text_runs_in_a_shell_and_an_argv_does_not(server: FakeServer, crew: Crew) -> None:
    shell = await server.command("echo $((6 * 7)); echo oops >&2")
    plain = await server.command(["echo", "$((6 * 7))"])
    await crew.start()
    await server.ended(shell, plain)
    assert [(line["stream"], line["message"]) for line in shell.lines] == [("stdout", "42"), ("stderr", "oops")]
    assert plain.output == ["$((6 * 7))"]


async def test_environment_directory_and_input_reach_the_command(
    server: FakeServer, crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INHERITED", "from the worker")
    monkeypatch.setenv("OVERRIDDEN", "by the worker")
    task = await server.command(
        'pwd; echo "$INHERITED, $OVERRIDDEN"; cat',
        env={"OVERRIDDEN": "by the job"},
        cwd=str(tmp_path),
        stdin="one\ntwo äöü",
    )
    silent = await server.command(["cat"])
    await crew.start()
    await server.ended(task, silent)
    assert task.output == [str(tmp_path), "from the worker, by the job", "one", "two äöü"]
    assert (silent.status, silent.output) == ("COMPLETED", [])


async def test_input_that_the_command_does_not_read_does_no_harm(server: FakeServer, crew: Crew) -> None:
    task = await server.command(["true"], stdin="x" * 500_000)
    await crew.start()
    await server.ended(task)
    assert task.status == "COMPLETED"


EVENT = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "com.shop.paid", "data": {"amount": 5}}


async def test_a_command_reads_the_event_that_made_its_job_fire_unless_it_has_other_input(
    server: FakeServer, crew: Crew
) -> None:
    tell = 'echo "$SCHEDULER_EVENT_TYPE $SCHEDULER_EVENT_SOURCE $SCHEDULER_EVENT_ID"; cat'
    reading = await server.command(tell, event=EVENT)
    other = await server.command(tell, event=EVENT, stdin="mine")
    wrong = await server.command(tell, event=7)
    await crew.start()
    await server.ended(reading, other, wrong)
    assert reading.output[0] == other.output[0] == "com.shop.paid /shop 7"
    assert (json.loads(reading.output[1]), other.output[1]) == (EVENT, "mine")
    assert (wrong.error or {})["code"] == "INVALID_PARAMETERS"


async def test_a_command_knows_which_task_it_is(server: FakeServer, crew: Crew) -> None:
    task = await server.add(
        "COMMAND",
        jobName="nightly-backup",
        nominalAt="2026-03-01T02:00:00Z",
        parameters={"command": ["sh", "-c", "env | grep ^SCHEDULER_ | sort"], "env": {"SCHEDULER_TOKEN": "forged"}},
    )
    await crew.start()
    await server.ended(task)
    assert task.output == [
        "SCHEDULER_ATTEMPT=1",
        "SCHEDULER_JOB_NAME=nightly-backup",
        "SCHEDULER_NOMINAL_AT=2026-03-01T02:00:00Z",
        f"SCHEDULER_TASK_ID={task.id}",
        f"SCHEDULER_TOKEN={task.token}",
    ]


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (["sh", "-c", "exit 3"], "EXIT_CODE", "exit code 3"),
        ("exit 3", "EXIT_CODE", "exit code 3"),
        ("no-such-program-here", "EXIT_CODE", "exit code 127 (command not found)"),
        ("kill -9 $$", "KILLED_BY_SIGNAL", "killed by SIGKILL"),
        (["sh", "-c", "kill -TERM $$"], "KILLED_BY_SIGNAL", "killed by SIGTERM"),
        ("kill -40 $$", "KILLED_BY_SIGNAL", "killed by signal 40"),
        (["no-such-program-here"], "COMMAND_NOT_FOUND", "no-such-program-here: command not found"),
        (["/no/such/program"], "COMMAND_NOT_FOUND", "/no/such/program: command not found"),
        (["/etc"], "NOT_EXECUTABLE", "/etc cannot be executed: Permission denied"),
        (["/etc/passwd/program"], "NOT_EXECUTABLE", "/etc/passwd/program cannot be executed: Not a directory"),
        (["echo", "x" * 300_000], "START_FAILED", "echo could not be started: Argument list too long"),
    ],
)
async def test_a_failure_says_what_went_wrong(
    server: FakeServer, crew: Crew, command: str | list[str], code: str, message: str
) -> None:
    task = await server.command(command)
    await crew.start()
    await server.ended(task)
    assert (task.status, task.error["code"], task.error["message"]) == ("FAILED", code, message)
    assert task.retryable


async def test_a_file_that_is_no_program_is_not_executable(server: FakeServer, crew: Crew, tmp_path: Path) -> None:
    contents = {"plain": "echo hello", "empty": "", "shebang": "#!/no/such/interpreter\n"}
    tasks = []
    for name, content in contents.items():
        path = tmp_path / name
        path.write_text(content)
        path.chmod(0o755 if name == "shebang" else 0o644)
        tasks.append(await server.command([str(path)]))
    tasks.append(await server.command(["./shebang"], cwd=str(tmp_path)))
    await crew.start()
    await server.ended(*tasks)
    assert {task.error["code"] for task in tasks} == {"NOT_EXECUTABLE"}
    assert "interpreter in its first line is missing" in tasks[-1].error["message"]


@pytest.mark.parametrize("name", ["missing", "file"])
async def test_a_directory_that_cannot_be_entered_is_named(
    server: FakeServer, crew: Crew, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").touch()
    task = await server.command(["true"], cwd=str(tmp_path / name))
    await crew.start()
    await server.ended(task)
    assert task.error["code"] == "CWD_NOT_FOUND"
    assert str(tmp_path / name) in task.error["message"]


@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        (None, "Expected `object`, got `null`"),
        ({}, "missing required field `command`"),
        ({"command": []}, "`command` is empty"),
        ({"command": "  "}, "`command` is empty"),
        ({"command": [" "]}, "`command` is empty"),
        ({"command": 5}, "$.command"),
        ({"command": ["echo", 5]}, "$.command[1]"),
        ({"command": ["echo", "a\x00b"]}, "NUL"),
        ({"command": "true", "env": {"A": 1}}, "$.env"),
        ({"command": "true", "env": {"": "1"}}, "name of a variable"),
        ({"command": "true", "env": {"A=B": "1"}}, "name of a variable"),
        ({"command": "true", "working_directory": "/"}, "unknown field `working_directory`"),
    ],
)
async def test_bad_parameters_fail_the_task_for_good(
    server: FakeServer, crew: Crew, parameters: object, detail: str
) -> None:
    task = await server.add("COMMAND", parameters=parameters)
    await crew.start()
    await server.ended(task)
    assert (task.status, task.error["code"], task.retryable) == ("FAILED", "INVALID_PARAMETERS", False)
    assert detail in task.error["message"]


async def test_a_worker_that_did_not_opt_in_runs_no_commands(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()
    worker.handler("noop")(lambda context, parameters: None)
    task = await server.command(["true"])
    await crew.start(worker)
    await server.ended(task)
    assert server.bodies("register")[0]["types"] == ["PYTHON"]
    assert (task.error["code"], task.error["message"]) == (
        "UNKNOWN_TYPE",
        "this worker does not run tasks of type COMMAND",
    )
