"""An executor that tells lies about the work of others and about its own; none of them may be believed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from random import Random

from application.scheduling.task_execution import ClaimWish
from domain.scheduling.executor import HostInfo
from domain.scheduling.ids import ExecutorId
from domain.scheduling.placement import Capability
from domain.scheduling.report import Report, ReportKind
from domain.shared.errors import DomainError
from domain.shared.json_value import JsonText
from tests.invariants.history import Lie
from tests.simulation.chance import SeededIds
from tests.simulation.executor import ANN
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.network import Network, Unanswered
from tests.simulation.node import Node
from tests.simulation.store.database import Database
from tests.simulation.store.rows import TaskRow

NO_WAIT = timedelta(0)
PATIENCE = 3.0
KINDS = ("completes the task of another", "completes under an old token", "completes under a token to come")


class Liar:
    """It knows more than it could: it looks into the store. It runs nothing, so nothing that it says can be true."""

    def __init__(
        self,
        loop: VirtualLoop,
        network: Network,
        nodes: Callable[[], list[Node]],
        database: Database,
        name: str,
        random: Random,
    ) -> None:
        self.process = Process(name)
        self.lies: list[Lie] = []
        self._name = name
        self._loop, self._network, self._nodes, self._random = loop, network, nodes, random
        self._database = database
        self._ids = SeededIds(loop, random)

    def start(self) -> None:
        self._loop.spawn(self.process, self._live(), self._name)

    async def _live(self) -> None:
        while True:
            with suppress(Unanswered, DomainError):
                await self._session()
            await asyncio.sleep(1)

    async def _session(self) -> None:
        id_, offer = ExecutorId(self._name), Capability(types=frozenset({"HTTP"}))
        info, instance = HostInfo(host="host-2", version="1"), self._ids.new()
        begun = await self._network.call(
            self._name,
            self._node(),
            lambda node: node.cluster.register(ANN, id_, instance, info, offer),
            PATIENCE,
        )
        while True:
            await asyncio.sleep(self._random.uniform(0.1, 0.8))
            with suppress(Unanswered):
                await self._network.call(
                    self._name, self._node(), lambda node: node.cluster.heartbeat(ANN, id_, begun.epoch, []), PATIENCE
                )
            held = [row for row in self._database.rows("tasks") if row.is_held]
            if held:
                with suppress(Unanswered):
                    await self._lie(begun.epoch, self._random.choice(held))

    async def _lie(self, epoch: int, row: TaskRow) -> None:
        kind = self._random.choice(KINDS)
        token = (row.token or 0) + (0, -1, 1)[KINDS.index(kind)]
        said = [
            Report(
                task_id=row.id,
                token=token,
                kind=ReportKind.COMPLETE,
                result=JsonText(json.dumps({"token": token, "by": "a liar"})),
            )
        ]
        wish = ClaimWish(claim_id=self._ids.new(), limit=0, started=True)
        id_ = ExecutorId(self._name)
        answer = await self._network.call(
            self._name,
            self._node(),
            lambda node: node.tasks.exchange(ANN, id_, epoch, said, wish, NO_WAIT),
            PATIENCE,
        )
        self.lies.append(Lie(executor=self._name, kind=kind, outcome=answer.outcomes[0].value))

    def _node(self) -> Node:
        return self._random.choice(self._nodes())
