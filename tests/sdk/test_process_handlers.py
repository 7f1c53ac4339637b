"""A handler that is not async runs in a child process: it may die, and the worker lives."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scheduler_sdk.handlers.children import ProcessLimits
from scheduler_sdk.worker import Worker
from tests.sdk import process_handlers
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer, FakeTask
from tests.sdk.observed import open_files, pids, running, zombies

ONE = ProcessLimits(count=1)


def worker_with(crew: Crew, *functions: Callable[..., Any], **options: Any) -> Worker:
    worker = crew.worker(**options)
    for function in functions:
        worker.handler(function.__name__)(function)
    return worker


async def run(server: FakeServer, handler: str, **parameters: Any) -> FakeTask:
    task = await server.add(handler=handler, parameters=parameters)
    await server.ended(task)
    return task


async def test_what_it_says_and_returns_arrives_as_from_any_other(server: FakeServer, crew: Crew) -> None:
    await crew.start(worker_with(crew, process_handlers.add))
    task = await run(server, "add", a=41)
    assert (task.result["sum"], task.result["token"]) == (42, task.token)
    assert task.result["pid"] != os.getpid()
    assert [report["kind"] for report in task.reports] == ["LOG", "PROGRESS", "CHECKPOINT", "COMPLETE"]
    assert [(line["level"], line["message"]) for line in task.lines] == [
        ("INFO", "adding a=41"),
        ("ERROR", "half of a pair ?"),
        ("INFO", "half way"),
    ]
    assert (task.reports[1]["progress"], task.reports[2]["checkpoint"]) == (0.5, [41])
    assert task.reports[1]["message"] == "half way"


async def test_parameters_that_do_not_fit_are_refused_there_too(server: FakeServer, crew: Crew) -> None:
    await crew.start(worker_with(crew, process_handlers.add))
    task = await run(server, "add", a="41")
    assert (task.error["code"], task.retryable) == ("INVALID_PARAMETERS", False)
    assert task.error["message"].endswith("'add': Expected `int`, got `str` at /parameters/a")


@pytest.mark.parametrize(
    ("how", "kind", "said"),
    [
        ("exit", "FAIL", ("HANDLER_DIED", "the process of the handler ended with exit code 3")),
        ("kill", "FAIL", ("HANDLER_DIED", "the process of the handler was killed by SIGKILL")),
        ("sys.exit", "FAIL", ("SystemExit", "7")),
        ("error", "FAIL", ("LookupError", "no invoice 42")),
        ("never", "FAIL", ("EMPTY", "empty")),
        ("later", "FAIL", ("BUSY", "try again")),
        ("snooze", "SNOOZE", ("PT60S", "not yet")),
        ("cancel", "CANCEL", (None, "gone")),
    ],
)
async def test_its_end_is_told_and_the_worker_lives(
    server: FakeServer, crew: Crew, how: str, kind: str, said: tuple[str | None, str]
) -> None:
    await crew.start(worker_with(crew, process_handlers.end, process_handlers.count, processes=ONE))
    task = await run(server, "end", how=how)
    last = task.reports[-1]
    assert last["kind"] == kind
    if kind == "FAIL":
        assert (task.error["code"], task.error["message"]) == said
        assert ("stack" in task.error) == (how in ("sys.exit", "error"))
        assert (task.retryable, last.get("retryAfter")) == (how != "never", "PT30S" if how == "later" else None)
    else:
        assert (last.get("retryAfter"), last["message"]) == said
    assert (await run(server, "count")).status == "COMPLETED"


async def test_the_stack_is_that_of_the_handler_alone(server: FakeServer, crew: Crew) -> None:
    await crew.start(worker_with(crew, process_handlers.end))
    task = await run(server, "end", how="error")
    assert "process_handlers.py" in task.error["stack"]
    assert "scheduler_sdk" not in task.error["stack"]


async def test_a_death_is_seen_although_something_holds_the_connection_open(
    server: FakeServer, crew: Crew, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    await crew.start(worker_with(crew, process_handlers.hold_open_and_die))
    task = await run(server, "hold_open_and_die", log=str(log))
    assert task.error["message"] == "the process of the handler ended with exit code 4"
    os.kill(pids(log)[0], 9)


async def test_a_process_is_used_again_and_replaced_after_so_many_tasks(server: FakeServer, crew: Crew) -> None:
    limits = ProcessLimits(count=1, tasks=2)
    await crew.start(worker_with(crew, process_handlers.count, processes=limits))
    results = [(await run(server, "count")).result for _ in range(4)]
    assert [calls for _, calls in results] == [1, 2, 1, 2]
    assert len({pid for pid, _ in results}) == 2
    assert not running(results[0][0])


async def test_a_process_that_has_grown_is_replaced(server: FakeServer, crew: Crew) -> None:
    limits = ProcessLimits(count=1, growth=48 * 1024 * 1024)
    await crew.start(worker_with(crew, process_handlers.grow, processes=limits))
    results = [(await run(server, "grow")).result for _ in range(3)]
    assert results[0] == results[1] != results[2]


async def test_tasks_wait_for_their_turn_and_no_more_processes_run_than_allowed(server: FakeServer, crew: Crew) -> None:
    await crew.start(worker_with(crew, process_handlers.count, processes=ProcessLimits(count=2)))
    tasks = [await server.add(handler="count") for _ in range(12)]
    await server.ended(*tasks)
    assert len({task.result[0] for task in tasks}) <= 2
    assert sum(1 for task in tasks if task.result[1] == 1) == len({task.result[0] for task in tasks})


async def test_one_that_waits_for_its_turn_can_be_cancelled(server: FakeServer, crew: Crew, tmp_path: Path) -> None:
    log = tmp_path / "log"
    await crew.start(worker_with(crew, process_handlers.polite, process_handlers.count, processes=ONE))
    busy = await server.add(handler="polite", parameters={"log": str(log)})
    await server.until(lambda: pids(log))
    waiting, after = await server.add(handler="count"), await server.add(handler="count")
    await server.until(lambda: waiting.status == after.status == "RUNNING")
    await server.cancel(waiting)
    await server.ended(waiting)
    await server.cancel(busy)
    await server.ended(busy, after)
    assert (waiting.status, busy.status, after.status) == ("CANCELLED", "CANCELLED", "COMPLETED")


async def test_one_that_looks_stops_when_it_is_told_to_and_its_process_lives_on(
    server: FakeServer, crew: Crew, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    await crew.start(worker_with(crew, process_handlers.polite, process_handlers.count, processes=ONE))
    task = await server.add(handler="polite", parameters={"log": str(log)})
    await server.until(lambda: pids(log))
    await server.cancel(task)
    await server.ended(task)
    assert (task.status, task.output, task.reports[-1]["kind"]) == ("CANCELLED", ["stopping"], "STOPPED")
    assert (await run(server, "count")).result == [pids(log)[0], 1]


async def test_one_that_does_not_look_is_killed_with_all_it_has_started(
    server: FakeServer, crew: Crew, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    await crew.start(worker_with(crew, process_handlers.deaf, process_handlers.count, processes=ONE, kill_grace=0.05))
    task = await server.add(handler="deaf", parameters={"log": str(log)})
    await server.until(lambda: len(pids(log)) == 2)
    await server.cancel(task)
    await server.ended(task)
    assert task.status == "CANCELLED"
    await server.until(lambda: not any(running(pid) for pid in pids(log)))
    assert (await run(server, "count")).status == "COMPLETED"


async def test_a_time_out_of_the_handler_ends_its_process(server: FakeServer, crew: Crew, tmp_path: Path) -> None:
    log = tmp_path / "log"
    worker = crew.worker(kill_grace=0.05)
    worker.handler("deaf", timeout=1.0)(process_handlers.deaf)
    await crew.start(worker)
    task = await run(server, "deaf", log=str(log))
    assert (task.error["code"], task.retryable) == ("HANDLER_TIMEOUT", True)
    await server.until(lambda: not any(running(pid) for pid in pids(log)))


async def test_signals_to_the_service_are_the_workers_business(server: FakeServer, crew: Crew) -> None:
    await crew.start(worker_with(crew, process_handlers.signals))
    assert (await run(server, "signals")).result == [False, False]


async def test_nothing_is_left_of_the_processes_when_the_worker_has_ended(
    server: FakeServer, crew: Crew, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    before = open_files()
    worker = await crew.start(worker_with(crew, process_handlers.count, process_handlers.deaf))
    idle = (await run(server, "count")).result[0]
    await server.add(handler="deaf", parameters={"log": str(log)})
    await server.until(lambda: len(pids(log)) == 2)
    await crew.end(worker, at_once=True)
    assert not any(running(pid) for pid in (idle, pids(log)[0]))
    await server.until(lambda: not running(pids(log)[1]))
    assert not set(zombies()) & {idle, pids(log)[0]}
    await server.until(lambda: open_files() <= before)


async def test_where_a_function_runs_can_be_chosen(
    server: FakeServer, crew: Crew, messages: Callable[[], list[str]]
) -> None:
    worker = crew.worker()
    worker.handler("thread", run_in="thread")(process_handlers.count)
    worker.handler("process", run_in="process")(process_handlers.count)
    worker.handler("local")(lambda: [os.getpid()])
    await crew.start(worker)
    assert (await run(server, "thread")).result[0] == os.getpid()
    assert (await run(server, "process")).result[0] != os.getpid()
    assert (await run(server, "local")).result == [os.getpid()]
    assert "in threads, for they are not functions of a module: local" in messages()


@pytest.mark.parametrize("options", [{"run_in": "process"}, {"timeout": 5.0}])
async def test_what_must_run_in_a_process_and_cannot_is_refused(crew: Crew, options: dict[str, Any]) -> None:
    worker = crew.worker()
    worker.handler("local", **options)(lambda: None)
    with pytest.raises(ValueError, match="'local' cannot run in a process"):
        await worker.run()


async def test_a_worker_that_dies_takes_its_processes_with_it(server: FakeServer, tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from scheduler_sdk.worker import Worker\n"
        "from tests.sdk.process_handlers import count, deaf\n"
        "worker = Worker(sys.argv[1]); worker.handler('deaf')(deaf); worker.handler('count')(count)\n"
        "worker.run_forever()\n"
    )
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, server.url, str(root), str(root / "sdk" / "python")
    )
    try:
        idle = (await run(server, "count")).result[0]
        await server.add(handler="deaf", parameters={"log": str(log)})
        await server.until(lambda: len(pids(log)) == 2)
    finally:
        process.kill()
        await process.wait()
    await server.until(lambda: not any(running(pid) for pid in (idle, *pids(log))))
