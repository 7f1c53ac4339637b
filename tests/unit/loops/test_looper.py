"""A loop knows for how long it has owed a tick that succeeds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from application.shared.errors import StoreUnavailable
from infrastructure.local.wake_up import LocalWakeUp
from interfaces.loops.looper import Looper


class Work:
    """A tick that a test lets wait, fail or succeed."""

    def __init__(self) -> None:
        self.done = 0
        self.error: Exception | None = None
        self.may_go_on = asyncio.Event()

    async def tick(self) -> timedelta:
        await self.may_go_on.wait()
        self.done += 1
        if self.error is not None:
            raise self.error
        return timedelta(seconds=5)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def looper(work: Work) -> AsyncIterator[Looper]:
    """Running."""
    looper = Looper("worker", work.tick, LocalWakeUp())
    looper.start()
    yield looper
    work.may_go_on.set()
    await looper.stop()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0)


def owes(looper: Looper) -> bool:
    return bool(looper.overdue_seconds)


async def test_one_that_does_not_run_owes_nothing(work: Work) -> None:
    looper = Looper("worker", work.tick, LocalWakeUp())
    assert looper.overdue_seconds is None
    looper.start()
    work.may_go_on.set()
    await until(lambda: work.done == 1)
    await looper.stop()
    assert looper.overdue_seconds is None


async def test_a_tick_that_hangs_is_owed_until_it_has_succeeded(looper: Looper, work: Work) -> None:
    await until(lambda: owes(looper))
    work.may_go_on.set()
    await until(lambda: work.done == 1)
    await until(lambda: not owes(looper))


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("a bug")])
async def test_a_tick_that_fails_is_still_owed(
    looper: Looper, work: Work, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.loops.looper.FIRST_PAUSE", 0.0)
    work.error = error
    work.may_go_on.set()
    await until(lambda: work.done >= 1)
    await asyncio.sleep(0)
    assert owes(looper)


async def test_an_error_that_repeats_is_explained_once(
    looper: Looper, work: Work, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.loops.looper.FIRST_PAUSE", 0.0)
    work.error = RuntimeError("a bug")
    work.may_go_on.set()
    await until(lambda: len(caplog.records) >= 3)
    work.error = RuntimeError("another bug")
    await until(lambda: "another bug" in caplog.text)
    explained = [record.getMessage() for record in caplog.records if record.exc_info]
    assert len(explained) == 2
    assert all("bug" in record.getMessage() for record in caplog.records)
