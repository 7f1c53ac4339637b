"""A handler may end its attempt in other ways than by returning."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from scheduler_sdk.context import TaskContext
from scheduler_sdk.errors import Cancel, NonRetryable, Snooze, TaskFailed
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer

ENDS: dict[str, Exception] = {
    "snooze": Snooze(90, "the file is not there yet"),
    "briefly": Snooze(timedelta(milliseconds=1500)),
    "cancel": Cancel("the customer is gone"),
    "never": NonRetryable("the invoice is empty", code="EMPTY"),
    "later": TaskFailed("BUSY", "too many requests", retry_after=30),
}


@pytest.mark.parametrize("is_async", [True, False])
async def test_what_is_raised_says_how_the_attempt_ends(server: FakeServer, crew: Crew, is_async: bool) -> None:
    worker = crew.worker()

    def end(how: str) -> None:
        raise ENDS[how]

    async def end_in_loop(how: str) -> None:
        end(how)

    worker.handler("end")(end_in_loop if is_async else end)
    tasks = {how: await server.add(handler="end", parameters={"how": how}) for how in ENDS}
    await crew.start(worker)
    await server.ended(*tasks.values())
    told = {how: task.reports[-1] for how, task in tasks.items()}
    assert {how: (r["kind"], r.get("retryAfter"), r.get("message")) for how, r in told.items()} == {
        "snooze": ("SNOOZE", "PT90S", "the file is not there yet"),
        "briefly": ("SNOOZE", "PT1.5S", None),
        "cancel": ("CANCEL", None, "the customer is gone"),
        "never": ("FAIL", None, None),
        "later": ("FAIL", "PT30S", None),
    }
    assert told["never"]["error"] == {"code": "EMPTY", "message": "the invoice is empty"}
    assert (told["never"]["retryable"], told["later"].get("retryable", True)) == (False, True)


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_handler_without_retry_is_not_called_again(server: FakeServer, crew: Crew, is_async: bool) -> None:
    worker = crew.worker()

    def fail() -> None:
        raise TaskFailed("BUSY", "try again")

    async def fail_in_loop() -> None:
        raise LookupError

    worker.handler("once", retry=False)(fail_in_loop if is_async else fail)
    task = await server.add(handler="once")
    await crew.start(worker)
    await server.ended(task)
    assert (task.status, task.retryable) == ("FAILED", False)


async def test_a_time_out_of_the_handler_fails_the_attempt(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()
    seen: list[str] = []

    @worker.handler("slow", timeout=0.05)
    async def slow() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            seen.append("tidied up")

    @worker.handler("own", timeout=600)
    async def own() -> None:
        raise TimeoutError("of the database")

    @worker.handler("quick", timeout=600)
    async def quick() -> str:
        return "done"

    tasks = [await server.add(handler=name) for name in ("slow", "own", "quick")]
    await crew.start(worker)
    await server.ended(*tasks)
    assert (tasks[0].error["code"], tasks[0].retryable, seen) == ("HANDLER_TIMEOUT", True, ["tidied up"])
    assert (tasks[1].error["code"], tasks[1].error["message"]) == ("TimeoutError", "of the database")
    assert tasks[2].result == "done"


async def test_a_thread_that_looks_ends_when_it_is_told_to(server: FakeServer, crew: Crew) -> None:
    worker = crew.worker()

    @worker.handler("polite", run_in="thread")
    def polite(context: TaskContext) -> None:
        while True:
            context.raise_if_stopping()
            time.sleep(0.01)

    task = await server.add(handler="polite")
    await crew.start(worker)
    await server.until(lambda: task.status == "RUNNING")
    await server.cancel(task)
    await server.ended(task)
    assert (task.status, task.reports[-1]["kind"]) == ("CANCELLED", "STOPPED")


def test_a_delay_is_bounded() -> None:
    with pytest.raises(ValueError, match="from 0 s to 366 days, not -1 s"):
        Snooze(-1)
    with pytest.raises(ValueError, match="366 days"):
        TaskFailed("X", "y", retry_after=timedelta(days=400))


async def _async() -> None: ...


@pytest.mark.parametrize(
    ("function", "options", "detail"),
    [
        (_async, {"run_in": "thread"}, "is async: it runs in the worker's event loop, not in a thread"),
        (lambda: None, {"run_in": "thread", "timeout": 5.0}, "nothing can end a thread"),
        (_async, {"timeout": 0.0}, "must be more than 0 s"),
    ],
)
def test_options_that_cannot_be_kept_are_refused(crew: Crew, function: object, options: object, detail: str) -> None:
    with pytest.raises(ValueError, match=detail):
        crew.worker().handler("h", **options)(function)  # type: ignore[arg-type, type-var]
