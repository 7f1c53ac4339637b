"""An honest executor: claims, works for a while, reports until it is answered, and beats meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import TypeVar

from application.scheduling.cluster_management import Beat
from application.scheduling.task_execution import Answer, ClaimWish, HandedOut
from application.shared.principal import Principal
from domain.scheduling.executor import HostInfo
from domain.scheduling.ids import ExecutorId, TaskId
from domain.scheduling.placement import Capability
from domain.scheduling.ports.task_exchange import Lease
from domain.scheduling.report import Report, ReportKind
from domain.scheduling.task import TaskError
from domain.shared.errors import DomainError
from domain.shared.ids import DEFAULT_TENANT
from domain.shared.json_value import JsonText
from tests.simulation.chance import SeededIds
from tests.simulation.diary import Diary, Page
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.network import Network, Unanswered
from tests.simulation.node import Node
from tests.simulation.workload import HANDLER

T = TypeVar("T")

ANN = Principal(DEFAULT_TENANT, "ann")
PLANNED = "PLANNED"
"""The code of failures that were meant to be."""

BEAT_EVERY = 2.0
LONG_POLL, NO_WAIT = timedelta(seconds=5), timedelta(0)
PATIENCE = 3.0
"""Seconds that it waits for an answer, beyond those that it has asked to be kept waiting."""


@dataclass
class Held:
    """A lease, what works under it, and how that ended, until somebody has heard of it."""

    page: Page | None
    work: asyncio.Task[None] | None = None
    report: Report | None = None


class Executor:
    """One process of it."""

    def __init__(
        self,
        loop: VirtualLoop,
        network: Network,
        nodes: Callable[[], list[Node]],
        name: str,
        random: Random,
        diary: Diary,
        heard: Callable[[datetime], None],
    ) -> None:
        self.name = name
        self.process = Process(name)
        self.is_online = False
        self._loop, self._network, self._nodes, self._random = loop, network, nodes, random
        self._diary, self._heard = diary, heard
        self._news = asyncio.Event()
        self._ids = SeededIds(loop, random)
        self._instance = self._ids.new()
        self._epoch = 0
        self._slots = random.choice((4, 8, 16))
        self._starts = random.random() < 0.5
        self._held: dict[Lease, Held] = {}
        self._seen: set[int] = set()

    def start(self) -> None:
        self._loop.spawn(self.process, self._live(), self.name)

    async def _call(self, request: Callable[[Node], Awaitable[T]], patience: float = PATIENCE) -> T:
        return await self._network.call(self.name, self._random.choice(self._nodes()), request, patience)

    async def _live(self) -> None:
        while True:
            await self._register()
            others = [self._loop.create_task(self._beat()), self._loop.create_task(self._report())]
            try:
                await self._claim()
            except DomainError:  # the session is over
                self.is_online = False
                for other in others:
                    other.cancel()
                for held in self._held.values():
                    self._stop(held)
                self._held.clear()
                await asyncio.sleep(self._random.uniform(0.05, 0.5))

    async def _register(self) -> None:
        id_, offer = (
            ExecutorId(self.name),
            Capability(types=frozenset({"PYTHON"}), handlers=frozenset({HANDLER}), slots=self._slots),
        )
        info = HostInfo(host="host-1", version="1")
        while True:
            try:
                begun = await self._call(lambda node: node.cluster.register(ANN, id_, self._instance, info, offer))
            except (Unanswered, DomainError):
                await asyncio.sleep(self._random.uniform(0.1, 0.5))
                continue
            self._epoch, self.is_online = begun.epoch, True
            return

    async def _beat(self) -> None:
        id_, epoch = ExecutorId(self.name), self._epoch
        while True:
            await asyncio.sleep(BEAT_EVERY * self._random.uniform(0.9, 1.0))
            beat = partial(_heartbeat, executor_id=id_, epoch=epoch, running=list(self._held))
            try:
                answer = await self._call(beat)
            except Unanswered:
                continue
            except DomainError:
                return  # the exchange hears the same
            self._heard(self._loop.now)
            for lease in answer.lost:
                self._lose(lease)
            for order in answer.stop:
                self._obey((order.task_id, order.token))

    async def _claim(self) -> None:
        """A claim whose answer was lost is repeated as it was."""
        id_, epoch = ExecutorId(self.name), self._epoch
        while True:
            free = self._slots - sum(held.report is None for held in self._held.values())
            wish = ClaimWish(claim_id=self._ids.new(), limit=max(free, 0), started=not self._starts)
            answer = None
            while answer is None:
                with suppress(Unanswered):
                    answer = await self._call(
                        partial(_exchange, executor_id=id_, epoch=epoch, reports=(), wish=wish, wait=LONG_POLL),
                        LONG_POLL.total_seconds() + PATIENCE,
                    )
            for handed_out in answer.tasks:
                self._begin(handed_out)
            for order in answer.stop:
                self._obey((order.task_id, order.token))
            if not answer.tasks:
                await asyncio.sleep(0.05)

    async def _report(self) -> None:
        """Until somebody has heard it, whatever he says to it."""
        id_, epoch = ExecutorId(self.name), self._epoch
        while True:
            await self._news.wait()
            self._news.clear()
            while reports := [held.report for held in self._held.values() if held.report is not None]:
                try:
                    await self._call(
                        partial(_exchange, executor_id=id_, epoch=epoch, reports=reports, wish=None, wait=NO_WAIT)
                    )
                except Unanswered:
                    await asyncio.sleep(self._random.uniform(0.05, 0.3))
                    continue
                except DomainError:
                    return  # the claim hears the same
                for report in reports:
                    self._held.pop((report.task_id, report.token), None)

    def _says(self, held: Held, report: Report) -> None:
        held.report = report
        self._news.set()

    def _begin(self, handed_out: HandedOut) -> None:
        task = handed_out.task
        if task.token in self._seen:
            return
        self._seen.add(task.token)
        page = self._diary.began(self.name, str(task.id), task.token, self._loop.now)
        held = self._held[task.id, task.token] = Held(page)
        held.work = self._loop.create_task(self._work(held, page, task.id, json.loads(task.parameters)))

    async def _work(self, held: Held, page: Page, task_id: TaskId, parameters: dict[str, float]) -> None:
        token = page.token
        if self._starts:
            await self._say_started(task_id, token)
        await asyncio.sleep(self._random.uniform(parameters.get("low", 0.05), parameters.get("high", 0.5)))
        if self._random.random() < parameters.get("failing", 0.0):
            self._diary.ended(page, "FAILED", self._loop.now)
            error = TaskError(PLANNED, "as was planned")
            self._says(held, Report(task_id=task_id, token=token, kind=ReportKind.FAIL, error=error))
        else:
            self._diary.ended(page, "DONE", self._loop.now)
            result = JsonText(json.dumps({"token": token}))
            self._says(held, Report(task_id=task_id, token=token, kind=ReportKind.COMPLETE, result=result))

    async def _say_started(self, task_id: TaskId, token: int) -> None:
        """A task that was claimed ahead must be known to run before it may be completed."""
        id_, epoch = ExecutorId(self.name), self._epoch
        said = [Report(task_id=task_id, token=token, kind=ReportKind.START)]
        while True:
            try:
                await self._call(lambda node: node.tasks.exchange(ANN, id_, epoch, said, None, NO_WAIT))
                return
            except Unanswered:
                await asyncio.sleep(0.2)
            except DomainError:
                return

    def _obey(self, lease: Lease) -> None:
        """Stop, and say so, of whatever it is."""
        held = self._held.setdefault(lease, Held(None))
        self._stop(held)
        if held.report is None:
            self._says(held, Report(task_id=lease[0], token=lease[1], kind=ReportKind.STOPPED))

    def _lose(self, lease: Lease) -> None:
        held = self._held.get(lease)
        if held is not None and held.report is None:
            self._stop(held)
            del self._held[lease]

    def _stop(self, held: Held) -> None:
        if held.work is not None and held.page is not None and not held.work.done():
            held.work.cancel()
            self._diary.ended(held.page, "STOPPED", self._loop.now)


async def _heartbeat(node: Node, *, executor_id: ExecutorId, epoch: int, running: Sequence[Lease]) -> Beat:
    return await node.cluster.heartbeat(ANN, executor_id, epoch, running)


async def _exchange(
    node: Node,
    *,
    executor_id: ExecutorId,
    epoch: int,
    reports: Sequence[Report],
    wish: ClaimWish | None,
    wait: timedelta,
) -> Answer:
    return await node.tasks.exchange(ANN, executor_id, epoch, reports, wish, wait)
