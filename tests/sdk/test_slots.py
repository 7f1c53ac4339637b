"""Attempts begin, stop and end in slots, in whatever order the orders come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from msgspec import Raw
from msgspec.json import decode

from scheduler_sdk.errors import TaskFailed
from scheduler_sdk.execution.attempt import Attempt, Ending
from scheduler_sdk.execution.budget import OutputLimit
from scheduler_sdk.execution.journal import Journal
from scheduler_sdk.execution.outbox import Outbox
from scheduler_sdk.execution.slots import Slots
from scheduler_sdk.wire import Item


class Bench:
    """Slots for three, whose work is to wait until told how to end."""

    def __init__(self) -> None:
        self.outbox = Outbox(lambda: None)
        self.begun: list[int] = []
        self.ends: dict[int, asyncio.Future[Raw | None]] = {}
        self.slots = Slots(3, {"WORK": self._work}, self.outbox, grace=5.0, limit=OutputLimit())

    async def _work(self, attempt: Attempt, journal: Journal) -> Raw | None:
        self.begun.append(attempt.item.token)
        end: asyncio.Future[Raw | None] = asyncio.get_running_loop().create_future()
        self.ends[attempt.item.token] = end
        journal.line(attempt, "INFO", "test", "begun")
        return await end

    def kinds(self) -> list[tuple[int, str]]:
        """The reports so far."""
        batch = self.outbox.take()
        self.outbox.settle(batch)
        return [(attempt.item.token, kind) for attempt, kind, _ in batch]


def item(token: int, type: str = "WORK") -> Item:
    return Item(f"task-{token}", token, 1, "a-job", type)


async def step() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_attempt_holds_a_slot_until_its_work_has_ended() -> None:
    bench = Bench()
    bench.slots.start(item(1))
    bench.slots.start(item(2))
    await step()
    assert (bench.slots.free, [lease.token for lease in bench.slots.leases()]) == (1, [1, 2])
    bench.ends[1].set_result(Raw(b"7"))
    await step()
    assert (bench.slots.free, len(bench.slots)) == (2, 1)
    assert bench.kinds() == [(1, "LOG"), (1, "COMPLETE")]


async def test_the_same_attempt_begins_once() -> None:
    bench = Bench()
    bench.slots.start(item(1))
    await step()
    bench.slots.start(item(1))
    await step()
    assert bench.begun == [1]


async def test_one_stopped_before_it_has_begun_never_begins() -> None:
    bench = Bench()
    bench.slots.start(item(1))
    assert bench.slots.stop(1, Ending.STOPPED, "a test")
    await step()
    assert (bench.begun, bench.kinds(), bench.slots.free) == ([], [(1, "STOPPED")], 3)


async def test_an_order_is_new_once() -> None:
    bench = Bench()
    bench.slots.start(item(1))
    await step()
    assert not bench.slots.stop(2, Ending.STOPPED, "a test")
    assert bench.slots.stop(1, Ending.STOPPED, "a test")
    assert not bench.slots.stop(1, Ending.SILENT, "a test")
    await step()
    assert bench.kinds() == [(1, "LOG"), (1, "STOPPED")]


@pytest.mark.parametrize("first", [Ending.STOPPED, Ending.RELEASE])
async def test_the_end_of_the_session_silences_every_attempt(first: Ending) -> None:
    bench = Bench()
    bench.slots.start(item(1))
    await step()
    bench.slots.stop(1, first, "a test")
    bench.slots.stop_all(Ending.SILENT)
    assert list(bench.slots.leases()) == []
    await bench.slots.vacated()
    assert bench.kinds() == []


async def test_closed_slots_give_back_what_still_arrives() -> None:
    bench = Bench()
    bench.slots.close()
    bench.slots.start(item(1))
    assert (bench.kinds(), bench.slots.free) == ([(1, "RELEASE")], 3)


async def test_a_fault_of_the_worker_fails_the_task_and_frees_the_slot(messages: Callable[[], list[str]]) -> None:
    bench = Bench()
    bench.slots.start(item(1))
    await step()
    bench.ends[1].set_exception(ZeroDivisionError("oops"))
    await step()
    batch = bench.outbox.take()
    assert decode(batch[-1][2])["error"] == {"code": "WORKER_ERROR", "message": "ZeroDivisionError: oops"}
    assert messages() == ["the worker failed while it ran task task-1"]
    assert bench.slots.free == 3


async def test_a_failure_is_bounded() -> None:
    bench = Bench()
    bench.slots.start(item(1))
    await step()
    bench.ends[1].set_exception(TaskFailed("C" * 500, "m" * 10_000, stack="s" * 50_000))
    await step()
    error = decode(bench.outbox.take()[-1][2])["error"]
    assert [len(error[name].encode()) for name in ("code", "message", "stack")] == [128, 4096, 16384]


async def test_a_task_cancelled_from_outside_says_nothing() -> None:
    bench = Bench()
    bench.slots.start(item(1))
    await step()
    bench.ends[1].cancel()
    await step()
    assert (bench.kinds(), bench.slots.free) == ([], 3)
