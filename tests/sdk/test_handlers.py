"""A PYTHON task calls a function that was registered under a name."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from scheduler_sdk.context import TaskContext
from scheduler_sdk.errors import TaskFailed
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer


async def test_a_coroutine_function_gets_the_parameters_and_returns_json(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()

    @worker.handler("sum")
    async def add(context: TaskContext, parameters: dict[str, list[int]]) -> dict[str, Any]:
        return {"sum": sum(parameters["numbers"]), "job": context.job_name, "thread": threading.get_ident()}

    task = await server.add(handler="sum", parameters={"numbers": [1, 2, 3]}, jobName="adder")
    await crew.start(worker)
    await server.ended(task)
    assert task.result == {"sum": 6, "job": "adder", "thread": threading.get_ident()}
    registration = server.bodies("register")[0]
    assert (registration["types"], registration["handlers"]) == (["PYTHON"], ["sum"])


async def test_any_other_function_runs_in_a_thread(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()

    class Answer:
        def __call__(self, context: TaskContext, parameters: object) -> bool:
            return threading.current_thread() is not threading.main_thread()

    worker.handler("sync")(Answer())
    task = await server.add(handler="sync")
    await crew.start(worker)
    await server.ended(task)
    assert task.result is True


async def test_no_result_is_a_result_too(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()
    worker.handler("noop")(lambda context, parameters: None)
    task = await server.add(handler="noop")
    await crew.start(worker)
    await server.ended(task)
    assert (task.status, task.result) == ("COMPLETED", None)


async def test_the_context_tells_all_that_is_known_of_the_task(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()

    @worker.handler("tell")
    async def tell(context: TaskContext, parameters: object) -> list[object]:
        return [
            context.task_id,
            context.token,
            context.attempt,
            context.deadline_at,
            context.checkpoint,
            context.traceparent,
            context.stopping,
        ]

    task = await server.add(
        handler="tell", deadlineAt="2026-01-01T00:00:00Z", checkpoint={"page": 3}, traceparent="00-ab-cd-01"
    )
    await crew.start(worker)
    await server.ended(task)
    assert task.result == [task.id, task.token, 1, "2026-01-01T00:00:00Z", {"page": 3}, "00-ab-cd-01", False]


@pytest.mark.parametrize("in_thread", [False, True])
async def test_what_a_handler_says_arrives_in_order_before_its_end(
    server: FakeServer, crew: Crew, in_thread: bool
) -> None:
    worker = crew.worker()

    def say(context: TaskContext, parameters: object) -> None:
        context.log.info("one")
        context.log.error("two \x00 \ud800", page=3)
        context.progress(0.25)
        context.progress(0.5, "half way")
        context.save_checkpoint({"page": 1})
        context.save_checkpoint({"page": 2})

    async def say_in_loop(context: TaskContext, parameters: object) -> None:
        say(context, parameters)

    worker.handler("say")(say if in_thread else say_in_loop)
    task = await server.add(handler="say")
    await crew.start(worker)
    await server.ended(task)
    log, progress, checkpoint, complete = task.reports
    assert [(line["level"], line["stream"], line["message"]) for line in log["lines"]] == [
        ("INFO", "handler", "one"),
        ("ERROR", "handler", "two \ufffd ? page=3"),
        ("INFO", "handler", "half way"),
    ]
    assert (progress["kind"], progress["progress"], progress["message"]) == ("PROGRESS", 0.5, "half way")
    assert (checkpoint["kind"], checkpoint["checkpoint"]) == ("CHECKPOINT", {"page": 2})
    assert complete["kind"] == "COMPLETE"


async def test_progress_is_seen_while_the_handler_runs(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()
    go_on = asyncio.Event()

    @worker.handler("slow")
    async def slow(context: TaskContext, parameters: object) -> None:
        context.progress(0.5)
        await go_on.wait()

    task = await server.add(handler="slow")
    await crew.start(worker)
    await server.until(lambda: [report["kind"] for report in task.reports] == ["PROGRESS"])
    go_on.set()
    await server.ended(task)


@pytest.mark.parametrize("in_thread", [False, True])
async def test_an_exception_fails_the_task_with_its_name_message_and_stack(
    server: FakeServer, crew: Crew, in_thread: bool
) -> None:
    worker = crew.worker()

    def fail(context: TaskContext, parameters: object) -> None:
        raise LookupError("no invoice 42")

    async def fail_in_loop(context: TaskContext, parameters: object) -> None:
        fail(context, parameters)

    worker.handler("fail")(fail if in_thread else fail_in_loop)
    task = await server.add(handler="fail")
    await crew.start(worker)
    await server.ended(task)
    assert (task.error["code"], task.error["message"], task.retryable) == ("LookupError", "no invoice 42", True)
    assert "in fail\n" in task.error["stack"]
    assert task.error["stack"].endswith("LookupError: no invoice 42\n")
    assert "scheduler_sdk/handlers" not in task.error["stack"].replace("\\", "/")


async def _returns(result: object) -> object:
    return result


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


async def _raises(error: BaseException) -> object:
    raise error


def _recursive() -> list[object]:
    circle: list[object] = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    ("outcome", "code", "detail", "retryable"),
    [
        (lambda: _returns(object()), "RESULT_NOT_JSON", "the result is not JSON: ", False),
        (lambda: _returns(_recursive()), "RESULT_NOT_JSON", "the result is not JSON: ", False),
        (lambda: _returns("\ud800"), "RESULT_NOT_JSON", "surrogates", False),
        (lambda: _returns("x" * 262_143), "RESULT_TOO_LARGE", "262,145 bytes", False),
        (lambda: _raises(TaskFailed("NO_MONEY", "the account is empty", retryable=False)), "NO_MONEY", "empty", False),
        (lambda: _raises(SystemExit(3)), "SystemExit", "3", True),
        (lambda: _raises(StopIteration()), "RuntimeError", "StopIteration", True),
        (lambda: _raises(asyncio.CancelledError()), "CancelledError", "", True),
        (lambda: _raises(ValueError("x" * 100_000)), "ValueError", "xxx …", True),
        (lambda: _raises(Unspeakable()), "Unspeakable", "its message cannot be shown", True),
    ],
)
async def test_a_bad_end_fails_the_task_and_not_the_worker(
    server: FakeServer, crew: Crew, outcome: Any, code: str, detail: str, retryable: bool
) -> None:
    worker = crew.worker()
    worker.handler("good")(lambda context, parameters: "x" * 262_142)

    @worker.handler("bad")
    async def bad(context: TaskContext, parameters: object) -> Any:
        return await outcome()

    task, after = await server.add(handler="bad"), await server.add(handler="good")
    await crew.start(worker)
    await server.ended(task, after)
    assert (task.status, task.error["code"], task.retryable) == ("FAILED", code, retryable)
    assert detail in task.error["message"]
    assert len(task.error["message"].encode()) <= 4096
    assert len(task.error.get("stack", "").encode()) <= 16384
    assert after.status == "COMPLETED"


async def test_a_thread_may_raise_anything(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()
    errors: dict[str, BaseException] = {"stop": StopIteration(), "exit": SystemExit(), "interrupt": KeyboardInterrupt()}

    @worker.handler("raise")
    def fail(error: str) -> None:
        raise errors[error]

    tasks = [await server.add(handler="raise", parameters={"error": name}) for name in errors]
    await crew.start(worker)
    await server.ended(*tasks)
    assert [task.error["code"] for task in tasks] == ["StopIteration", "SystemExit", "KeyboardInterrupt"]


async def test_a_handler_that_is_not_there_is_named(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()
    worker.handler("here")(lambda context, parameters: None)
    task = await server.add(handler="elsewhere")
    await crew.start(worker)
    await server.ended(task)
    assert (task.error["code"], task.retryable) == ("HANDLER_NOT_FOUND", True)


async def test_a_coroutine_is_cancelled_and_reported_once_it_has_tidied_up(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()
    seen: list[object] = []

    @worker.handler("slow")
    async def slow(context: TaskContext, parameters: object) -> None:
        try:
            await asyncio.sleep(600)
        finally:
            seen.append(context.stopping)
            await asyncio.sleep(0.05)
            seen.append(task.status)

    task = await server.add(handler="slow")
    await crew.start(worker)
    await server.until(lambda: task.status == "RUNNING")
    await server.cancel(task)
    await server.ended(task)
    assert (task.status, seen) == ("CANCELLED", [True, "STOPPING"])


async def test_a_thread_is_told_to_stop_and_waited_for(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()
    seen: list[object] = []

    @worker.handler("slow")
    def slow(context: TaskContext, parameters: object) -> None:
        while not context.stopping:
            time.sleep(0.01)
        seen.append(task.status)

    task = await server.add(handler="slow")
    await crew.start(worker)
    await server.until(lambda: task.status == "RUNNING")
    await server.cancel(task)
    await server.ended(task)
    assert (task.status, seen) == ("CANCELLED", ["STOPPING"])


async def test_a_handler_may_say_only_what_the_wire_can_carry() -> None:
    context = TaskContext.__new__(TaskContext)
    with pytest.raises(ValueError, match="from 0 to 1"):
        context.progress(1.5)
    with pytest.raises(TypeError):
        context.save_checkpoint(object())
    with pytest.raises(ValueError, match="262,146 bytes"):
        context.save_checkpoint("x" * 262_144)


def test_a_name_is_registered_once(crew: Crew) -> None:
    worker = crew.worker()
    worker.handler("twice")(lambda context, parameters: None)
    with pytest.raises(ValueError, match="already a handler 'twice'"):
        worker.handler("twice")(lambda context, parameters: None)
    with pytest.raises(ValueError, match="needs a name"):
        worker.handler("")(lambda context, parameters: None)
