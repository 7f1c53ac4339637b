"""What is done to one task by name: an executor that tells of it alone, an operator that gives it away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

import msgspec

from application.scheduling.assignments import Assignments
from application.scheduling.downstream import is_to_be_filled, wait_again, wait_for_values
from application.scheduling.ports import BeginWork
from application.scheduling.report_intake import ReportIntake
from application.shared.principal import Principal
from application.shared.wake_up import JUDGEMENTS, OPENINGS, WakeUp, executor_topic, lane_topic, task_topic
from domain.scheduling.errors import LeaseLost
from domain.scheduling.ids import ExecutorId, LaneId, TaskId
from domain.scheduling.ports.task_exchange import TaskExchange
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.report import Report, ReportKind
from domain.scheduling.settlement import ReportOutcome
from domain.scheduling.task import Lease
from domain.shared.json_value import JsonText

ACTIONS: Mapping[ReportKind, str] = MappingProxyType(
    {
        ReportKind.START: "start",
        ReportKind.COMPLETE: "complete",
        ReportKind.FAIL: "fail",
        ReportKind.LOG: "log",
        ReportKind.PROGRESS: "progress",
        ReportKind.CHECKPOINT: "checkpoint",
    }
)
"""The reports that are verbs of a task, too."""


class TaskControlService:
    """Single tasks by name. Repeating what has taken effect is harmless."""

    def __init__(
        self,
        begin: BeginWork,
        exchange: TaskExchange,
        intake: ReportIntake,
        assignments: Assignments,
        wake_up: WakeUp,
    ) -> None:
        self._begin = begin
        self._exchange = exchange
        self._intake = intake
        self._assignments = assignments
        self._wake_up = wake_up

    async def assign(self, principal: Principal, task_id: TaskId, executor_id: ExecutorId) -> None:
        """Give a waiting task to an executor that is ONLINE and runs its kind of work; its next claim brings it.

        Raises `TaskNotFound`, `ExecutorNotFound`, `IllegalTaskState`, `ExecutorUnavailable`, `ExecutorUnable`.
        """
        async with self._begin() as work:
            task = await work.tasks.get(principal.tenant, task_id)
            executor = await work.executors.get(principal.tenant, executor_id)
            lanes = await work.lanes.after(LaneId(task.lane - 1))
            executor.require_able(lanes[task.lane])
            task.assign(Lease(executor_id, executor.epoch, await work.tasks.next_token()), work.now)
            await work.tasks.save(task)
            await work.commit()
        self._assignments.made(executor_id)
        self._wake_up.signal(executor_topic(executor_id))
        self._wake_up.signal(task_topic(task_id))

    async def retry(
        self, principal: Principal, task_id: TaskId, reason: str | None, *, downstream: bool = False
    ) -> None:
        """One more attempt of a task that ended without success, at once and whatever its policy says.

        With `downstream`, what did not run because of it waits for it again. Raises `TaskNotFound`, `IllegalTaskState`,
        `IllegalJobState` when its job is out of service, `UniqueKeyTaken`; `RunCancelled` only with `downstream`.
        """
        async with self._begin() as work:
            task = await work.tasks.get(principal.tenant, task_id)
            task.reopen(reason, work.now)
            (await work.jobs.get(principal.tenant, task.job_id)).require_runnable()
            if downstream:
                await wait_again(work, principal, task_id, reason)
            if await is_to_be_filled(work, task):
                await wait_for_values(work, task, reason)
            else:
                await work.tasks.save(task)
            await work.commit()
        self._wake_up.signal(lane_topic(task.lane), 1)
        self._wake_up.signal(JUDGEMENTS)
        self._wake_up.signal(OPENINGS)  # or it waits at a limit
        self._wake_up.signal(task_topic(task_id))

    async def report(self, principal: Principal, executor_id: ExecutorId, said: Report) -> None:
        """One of `ACTIONS`, by whoever holds the task; with token 0 it means the attempt that it holds.

        Raises `TaskNotFound`, `LeaseLost` when another one holds it or it has another token, `IllegalTaskState`.
        """
        found = await self._lease(principal, executor_id, said.task_id, said.token, ACTIONS[said.kind])
        if found is not None:
            await self._send(found[0], replace(said, token=found[0].token))

    async def log(
        self, principal: Principal, executor_id: ExecutorId, task_id: TaskId, token: int, level: str, message: str
    ) -> None:
        """One line, at the store's time. Raises like `report`."""
        found = await self._lease(principal, executor_id, task_id, token, "log")
        if found is not None:
            lease, now = found
            line = {"at": now, "level": level, "stream": None, "message": message}
            lines = JsonText(msgspec.json.encode([line]).decode())
            await self._send(lease, Report(task_id=task_id, token=lease.token, kind=ReportKind.LOG, lines=lines))

    async def _lease(
        self, principal: Principal, executor_id: ExecutorId, task_id: TaskId, token: int, action: str
    ) -> tuple[Lease, datetime] | None:
        async with self._begin() as work:
            task = await work.tasks.get(principal.tenant, task_id)
            lease = task.lease_for(action, executor_id, token or None)
            return None if lease is None else (lease, work.now)

    async def _send(self, lease: Lease, report: Report) -> None:
        """From here on it is a report like any other: whatever happened meanwhile, its token fences it."""
        session = Session(executor_id=lease.executor_id, epoch=lease.epoch)
        taken = await self._intake.take(session, [report])
        answer = await self._exchange.exchange(session, taken.settlements, None)
        await self._intake.finish(session, taken, answer)
        (outcome,) = taken.outcomes([report])
        if outcome not in (ReportOutcome.APPLIED, ReportOutcome.ALREADY):
            raise LeaseLost(report.task_id, lease.executor_id, "its attempt has just ended otherwise")
