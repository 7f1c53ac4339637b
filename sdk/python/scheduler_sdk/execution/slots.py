"""The attempts that run here, and how many more fit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from msgspec import UNSET, Raw

from scheduler_sdk.errors import Cancel, Snooze, TaskEnd, TaskFailed
from scheduler_sdk.execution.attempt import Attempt, Ending
from scheduler_sdk.execution.budget import OutputBudget, OutputLimit
from scheduler_sdk.execution.deadlines import Deadlines
from scheduler_sdk.execution.journal import Journal
from scheduler_sdk.execution.outbox import Outbox
from scheduler_sdk.execution.text import MESSAGE_BYTES, STACK_BYTES, bounded, bounded_tail
from scheduler_sdk.wire import ErrorDetail, Item, Lease, Report

logger = logging.getLogger("scheduler_sdk")

ends = logging.getLogger("scheduler_sdk.ends")
"""Tells at DEBUG how each attempt ended: for a person who watches, too much for a log that is kept."""

Work = Callable[[Attempt, Journal], Awaitable[Raw | None]]
"""Does the work of one attempt and returns its result as JSON; raises `TaskEnd`. Stopped by cancelling it."""


class Slots:
    """Runs what was claimed, and reports how it ended."""

    def __init__(
        self,
        size: int,
        works: Mapping[str, Work],
        outbox: Outbox,
        *,
        grace: float,
        limit: OutputLimit,
    ) -> None:
        self._size = size
        self._works = works
        self._outbox = outbox
        self._grace = grace
        self._limit = limit
        self._journal = Journal(outbox.put)
        self._running: dict[int, Attempt] = {}
        self._deadlines = Deadlines(self._running, self._overdue)
        self._vacant = asyncio.Event()
        self._vacant.set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._running)

    @property
    def free(self) -> int:
        return self._size - len(self._running)

    @property
    def size(self) -> int:
        return self._size

    def leases(self) -> list[Lease]:
        return [attempt.lease for attempt in self._running.values() if attempt.ending is not Ending.SILENT]

    def start(self, item: Item) -> None:
        """Begin an attempt; one that runs already was claimed by a call that had to be repeated."""
        if item.token in self._running:
            return
        attempt = Attempt(item, self._grace, OutputBudget(self._limit))
        if self._closed:
            attempt.ending = Ending.RELEASE
            self._conclude(attempt, None, None)
            return
        self._running[item.token] = attempt
        self._vacant.clear()
        self._deadlines.add(attempt)
        attempt.task = asyncio.get_running_loop().create_task(self._run(attempt))

    def stop(self, token: int, ending: Ending, why: str) -> bool:
        """Ask an attempt to stop; returns whether it runs and had not been asked before."""
        attempt = self._running.get(token)
        if attempt is None or attempt.ending is not None:
            return False
        logger.info("task %s of job %s is told to stop: %s", attempt.item.task_id, attempt.item.job_name, why)
        return attempt.stop(ending)

    def stop_all(self, ending: Ending) -> None:
        for attempt in list(self._running.values()):
            attempt.stop(ending)

    def kill_all(self) -> None:
        """Stop without grace what still runs. What was not asked to stop before is not reported."""
        for attempt in list(self._running.values()):
            attempt.stop(attempt.ending or Ending.SILENT, at_once=True)

    def close(self) -> None:
        """Take nothing more: what still arrives is released."""
        self._closed = True

    async def vacated(self) -> None:
        """Wait until nothing runs."""
        await self._vacant.wait()

    def cancel_timers(self) -> None:
        self._journal.close()
        self._deadlines.close()

    def _overdue(self, token: int) -> None:
        self.stop(token, Ending.STOPPED, "its time-out has passed, and the server has not said a word")

    async def _run(self, attempt: Attempt) -> None:
        end: TaskEnd | None = None
        result: Raw | None = None
        attempt.begun = True
        try:
            if attempt.ending is None:
                result = await self._work(attempt)
        except TaskEnd as error:
            end = error
        except asyncio.CancelledError:
            if attempt.ending is None:  # the event loop is being closed around us
                attempt.ending = Ending.SILENT
        except Exception as error:
            logger.exception("the worker failed while it ran task %s", attempt.item.task_id)
            end = TaskFailed("WORKER_ERROR", f"{type(error).__name__}: {error}")
        del self._running[attempt.item.token]
        if not self._running:
            self._vacant.set()
        self._conclude(attempt, result, end)

    def _work(self, attempt: Attempt) -> Awaitable[Raw | None]:
        work = self._works.get(attempt.item.type)
        if work is None:
            raise TaskFailed("UNKNOWN_TYPE", f"this worker does not run tasks of type {attempt.item.type}")
        return work(attempt, self._journal)

    def _conclude(self, attempt: Attempt, result: Raw | None, end: TaskEnd | None) -> None:
        """The last report, after all that the attempt said."""
        if attempt.ending is Ending.SILENT:
            self._journal.discard(attempt)
            self._outbox.forget(attempt)
            return
        if (remark := attempt.budget.remark()) is not None:
            self._journal.remark(attempt, remark)
        self._journal.flush(attempt)
        report = _last_report(attempt, result, end)
        self._outbox.put(attempt, report)
        if ends.isEnabledFor(logging.DEBUG):
            told = "" if end is None else f": {end}"
            ends.debug("%s  attempt %d  %s%s", attempt.item.job_name, attempt.item.attempt, report.kind, told)


def _last_report(attempt: Attempt, result: Raw | None, end: TaskEnd | None) -> Report:
    task_id, token = attempt.item.task_id, attempt.item.token
    if attempt.ending is not None:
        return Report(task_id, token, "STOPPED" if attempt.ending is Ending.STOPPED else "RELEASE")
    match end:
        case None:
            return Report(task_id, token, "COMPLETE", result=UNSET if result is None else result)
        case Snooze(delay=delay, reason=reason):
            told = bounded(reason, MESSAGE_BYTES) if reason else UNSET
            return Report(task_id, token, "SNOOZE", retry_after=_duration(delay), message=told)
        case Cancel(reason=reason):
            return Report(task_id, token, "CANCEL", message=bounded(reason, MESSAGE_BYTES))
        case TaskFailed():
            return _failed(attempt, end)
        case _:
            return _failed(attempt, TaskFailed(type(end).__name__, str(end)))


def _failed(attempt: Attempt, failure: TaskFailed) -> Report:
    report = Report(attempt.item.task_id, attempt.item.token, "FAIL", error=_detail(failure))
    if not failure.retryable:
        report.retryable = False
    if failure.retry_after is not None:
        report.retry_after = _duration(failure.retry_after)
    return report


def _duration(seconds: float) -> str:
    return f"PT{seconds:.6f}".rstrip("0").rstrip(".") + "S"


def _detail(failure: TaskFailed) -> ErrorDetail:
    return ErrorDetail(
        code=bounded(failure.code, 128),
        message=bounded(failure.message, MESSAGE_BYTES),
        stack=None if failure.stack is None else bounded_tail(failure.stack, STACK_BYTES),
    )
