"""Everything that runs in a world, and what can be done to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from random import Random

from domain.scheduling.executor import Liveness
from tests.invariants.history import Beat, Fault, Job
from tests.simulation.clients import Clients
from tests.simulation.diary import Diary
from tests.simulation.executor import BEAT_EVERY, Executor
from tests.simulation.liar import Liar
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.network import Network
from tests.simulation.node import Node
from tests.simulation.shared_memory import SharedMemory
from tests.simulation.store.database import Database
from tests.simulation.trouble import Luck, Step, Trouble
from tests.simulation.weather import ChangingWeather
from tests.simulation.workload import Kind

LIVENESS = Liveness(interval=timedelta(seconds=BEAT_EVERY), timeout=timedelta(seconds=8))
CALM = Luck()
OF_ONE_EXECUTOR = ("kill-executor", "restart-executor", "pause-executor", "cut-network")
"""For the platform these are over at once: it has to do without that executor."""


class Site:
    """Nodes and executors have numbers; a fault that names one that there is not, means another."""

    def __init__(self, loop: VirtualLoop, trouble: Trouble, kinds: Sequence[Kind], seed: int) -> None:
        self._loop, self._kinds, self._seed = loop, kinds, seed
        self.weather = ChangingWeather(self._random("weather"))
        self.database = Database(lambda: loop.now, self.weather)
        self.memory = SharedMemory(loop, self._random("memory"))
        self.network = Network(loop, self._random("network"))
        self.diary = Diary()
        self.beats: list[Beat] = []
        self.faults: list[Fault] = []
        self._lives = count(1)
        skews = [*trouble.luck.skews, *[timedelta(0)] * trouble.nodes]
        self.nodes = [self._node(f"n{number + 1}", skews[number]) for number in range(trouble.nodes)]
        self.executors = [self._executor(f"e{number + 1}") for number in range(trouble.executors)]
        self.liars = [
            Liar(loop, self.network, self._all_nodes, self.database, f"liar{n + 1}", self._random(f"liar {n}"))
            for n in range(trouble.liars)
        ]
        names = [kind.promise.name for kind in kinds]
        self.clients = Clients(loop, self.network, self._all_nodes, self._random("clients"), names)
        self._promised: list[Job] = []

    def _random(self, what: str) -> Random:
        return Random(f"{self._seed} {what}")

    def _all_nodes(self) -> list[Node]:
        return self.nodes

    def _node(self, name: str, skew: timedelta) -> Node:
        seed = self._random(f"node {next(self._lives)}").getrandbits(64)
        return Node(self._loop, self.database, self.memory, LIVENESS, name, skew, seed)

    def _executor(self, name: str) -> Executor:
        def heard(at: datetime) -> None:
            self.beats.append(Beat(executor=name, at=at))

        random = self._random(f"executor {next(self._lives)}")
        return Executor(self._loop, self.network, self._all_nodes, name, random, self.diary, heard)

    def start(self) -> None:
        everybody: list[Node | Executor | Liar] = [*self.nodes, *self.executors, *self.liars]
        for each in everybody:
            each.start()

    def jobs(self) -> list[Job]:
        """What the jobs that there are promise."""
        stored = self.database.committed.get("jobs", {})
        if len(stored) != len(self._promised):
            ids = {job.definition.name: str(job.id) for job in stored.values()}
            promises = [kind.promise for kind in (*self._kinds, *self.clients.made)]
            self._promised = [replace(job, id=ids[job.name]) for job in promises if job.name in ids]
        return self._promised

    def feel(self, luck: Luck) -> None:
        """From now on."""
        self.network.loss, self.network.doubling = luck.lost_calls, luck.doubled_calls
        self.network.slowest = luck.slowest_call
        self.weather.lost_statements, self.weather.lost_commits = luck.lost_statements, luck.lost_commits
        self.weather.slowest = luck.slowest_statement
        self.memory.loss = luck.lost_hints

    async def suffer(self, step: Step) -> None:
        """From its beginning to its end. What suffers something already is left alone."""
        began = self._loop.now
        number, target = step.target, "store"
        if step.kind == "kill-node":
            target = await self._kill_node(number % len(self.nodes), step.lasts)
        elif step.kind == "kill-executor":
            target = await self._kill_executor(number % len(self.executors), 2 * step.lasts)
        elif step.kind == "restart-executor":
            target = await self._kill_executor(number % len(self.executors), step.lasts / 100)
        elif step.kind == "pause-node":
            target = await self._pause(self.nodes[number % len(self.nodes)].process, step.lasts)
        elif step.kind == "pause-executor":
            target = await self._pause(self.executors[number % len(self.executors)].process, step.lasts)
        elif step.kind == "step-clock":
            node = self.nodes[number % len(self.nodes)]
            target = node.name
            node.process.skew += timedelta(minutes=(number - 6) * 7)
        elif step.kind == "cut-network":
            target = self.executors[number % len(self.executors)].name
            cut = {(target, node.name) for node in self.nodes}
            self.network.cut |= cut
            await asyncio.sleep(step.lasts)
            self.network.cut -= cut
        elif step.kind == "postgres-away":
            self.database.disconnect()
            self.weather.is_away = True
            await asyncio.sleep(min(step.lasts, 15))
            self.weather.is_away = False
        elif step.kind == "cut-postgres":
            self.database.disconnect()
        elif step.kind == "redis-away":
            self.memory.is_away = True
            await asyncio.sleep(step.lasts)
            self.memory.is_away = False
            self.memory.forget()
        elif step.kind == "redis-forgets":
            self.memory.forget()
        mended = began if step.kind in OF_ONE_EXECUTOR else self._loop.now
        self.faults.append(Fault(kind=step.kind, target=target, began_at=began, ended_at=mended))

    async def _kill_node(self, place: int, seconds: float) -> str:
        node = self.nodes[place]
        if not node.process.is_dead and not node.process.is_paused:
            self._loop.kill(node.process)
            self.database.disconnect(node.process)
            await asyncio.sleep(min(seconds, 10))
            self.nodes[place] = self._node(node.name, node.process.skew)
            self.nodes[place].start()
        return node.name

    async def _kill_executor(self, place: int, seconds: float) -> str:
        executor = self.executors[place]
        if not executor.process.is_dead and not executor.process.is_paused:
            self._loop.kill(executor.process)
            await asyncio.sleep(seconds)
            self.executors[place] = self._executor(executor.name)
            self.executors[place].start()
        return executor.name

    async def _pause(self, process: Process, seconds: float) -> str:
        if not process.is_dead and not process.is_paused:
            self._loop.pause(process)
            await asyncio.sleep(seconds)
            self._loop.resume(process)
        return process.name
