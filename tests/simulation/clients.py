"""What users do meanwhile: ask for tasks, cancel them, make jobs, pause and resume; each call is written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from random import Random
from uuid import UUID

from application.scheduling.job_document import decode_document
from domain.scheduling.ids import TaskId
from domain.shared.errors import DomainError
from domain.shared.json_value import JsonText
from tests.invariants.history import Call, Outcome
from tests.simulation.executor import ANN
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.network import Network, Unanswered
from tests.simulation.node import Node
from tests.simulation.workload import Kind, one_time

PATIENCE = 4.0
TRIES = 40
SHARED_KEYS = ("unique:a", "unique:b", "unique:c")


class Clients:
    """They repeat only what may be repeated."""

    def __init__(
        self, loop: VirtualLoop, network: Network, nodes: Callable[[], list[Node]], random: Random, names: list[str]
    ) -> None:
        self.process = Process("clients")
        self.calls: list[Call] = []
        self.made: list[Kind] = []
        self._loop, self._network, self._nodes, self._random = loop, network, nodes, random
        self._pauses = "paused-at-times" in names
        self._numbers = count(1)
        self._enough = False

    def start(self) -> list[asyncio.Task[None]]:
        users = [self._submit, self._submit_unique, self._submit_unique, self._cancel, self._create]
        work = [self._until_enough(user) for user in users]
        work += [self._pause()] if self._pauses else []
        return [self._loop.spawn(self.process, each, "client") for each in work]

    def stop(self) -> None:
        """What is begun is finished."""
        self._enough = True

    async def create(self, kind: Kind) -> None:
        """Before anything goes wrong. Raises `Invalid` for a world that makes no sense."""
        document = decode_document(json.dumps(kind.document))
        await self._nodes()[0].jobs.create(ANN, document)

    async def pause_all(self, names: list[str]) -> None:
        """Until it is certain that none of them fires any more."""
        for name in names:
            while (await self._verb("PAUSE", name)).outcome is Outcome.UNKNOWN:
                await self._rest(0.1, 0.3)

    async def _until_enough(self, user: Callable[[], Awaitable[None]]) -> None:
        while not self._enough:
            await user()

    async def _submit(self) -> None:
        mark, job = self._mark(), self._random.choice(("asked-for", "times-out", "never-twice"))
        await self._call("SUBMIT", f"plain:{mark}", self._asking(job, mark), mark)
        await self._rest(0.3, 1.0)

    async def _submit_unique(self) -> None:
        mark, key = self._mark(), self._random.choice(SHARED_KEYS)
        parameters = self._parameters("asked-for", mark)

        async def ask(node: Node) -> TaskId:
            return (await node.tasks.submit_once(ANN, "asked-for", None, parameters, key)).task_id

        await self._call("SUBMIT", f"{key}:{mark}", ask, mark)
        await self._rest(0.1, 0.8)

    async def _cancel(self) -> None:
        mark = self._mark()
        made = await self._call("SUBMIT", f"plain:{mark}", self._asking("long", mark), mark)
        await self._rest(0.0, 2.0)
        if made.subject:
            task_id = TaskId(UUID(made.subject))
            for _ in range(TRIES):
                cancel = lambda node: node.tasks.cancel(ANN, task_id, "changed my mind")
                call = await self._call("CANCEL", mark, cancel, subject=made.subject)
                if call.outcome is not Outcome.UNKNOWN:
                    break
        await self._rest(0.2, 0.8)

    async def _create(self) -> None:
        number = next(self._numbers)
        kind = one_time(f"once-{number}", self._loop.now + timedelta(seconds=self._random.uniform(1, 6)))
        self.made.append(kind)
        document = decode_document(json.dumps(kind.document))
        await self._call("CREATE", kind.promise.name, lambda node: node.jobs.create(ANN, document))
        await self._rest(2.0, 6.0)

    async def _pause(self) -> None:
        """A resume that nobody has answered may take effect whenever it likes: nothing can be said after that."""
        while not self._enough:
            for what in ("PAUSE", "RESUME"):
                for _ in range(TRIES):
                    if (await self._verb(what, "paused-at-times")).outcome is not Outcome.UNKNOWN:
                        break
                    if what == "RESUME":
                        return
                    await self._rest(0.1, 0.3)
                await self._rest(0.5, 4.0)

    async def _verb(self, what: str, job: str) -> Call:
        if what == "PAUSE":
            return await self._call(what, job, lambda node: node.jobs.pause(ANN, job))
        return await self._call(what, job, lambda node: node.jobs.resume(ANN, job))

    def _asking(self, job: str, mark: str) -> Callable[[Node], Awaitable[TaskId]]:
        parameters = self._parameters(job, mark)
        return lambda node: node.tasks.submit(ANN, job, None, parameters)

    def _parameters(self, job: str, mark: str) -> JsonText:
        low, high = {"times-out": (0.2, 4.0), "long": (1.0, 5.0)}.get(job, (0.05, 0.5))
        failing = 0.4 if job == "asked-for" else 0.0
        return JsonText(json.dumps({"low": low, "high": high, "failing": failing, "mark": mark}))

    async def _call(
        self,
        what: str,
        key: str,
        request: Callable[[Node], Awaitable[object]],
        mark: str | None = None,
        subject: str | None = None,
    ) -> Call:
        invoked, outcome = self._loop.now, Outcome.OK
        try:
            node = self._random.choice(self._nodes())
            said = await self._network.call("clients", node, request, PATIENCE, once=True)
            subject = subject or (None if said is None else str(said))
        except DomainError:
            outcome = Outcome.REFUSED
        except Unanswered:
            outcome = Outcome.UNKNOWN
        call = Call(
            what=what,
            key=key,
            invoked_at=invoked,
            answered_at=self._loop.now,
            outcome=outcome,
            mark=mark,
            subject=subject,
        )
        self.calls.append(call)
        return call

    def _mark(self) -> str:
        return f"m{next(self._numbers)}"

    async def _rest(self, low: float, high: float) -> None:
        await asyncio.sleep(self._random.uniform(low, high))
