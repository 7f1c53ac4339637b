"""One world from its seed to its verdict: begin, suffer, heal, and be judged."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from tests.invariants.all import INVARIANTS
from tests.invariants.checking import Verdict, judge
from tests.invariants.history import Bounds, Healed, History
from tests.simulation import trouble, workload
from tests.simulation.guard import Guard
from tests.simulation.loop import StandStill, VirtualLoop, current_process
from tests.simulation.site import CALM, LIVENESS, Site
from tests.simulation.trouble import Trouble
from tests.simulation.witness import Witness

BOUNDS = Bounds(silence=LIVENESS.timeout, recovery=timedelta(seconds=12))
MENDING = 40.0
"""Seconds after the last fault until all must be well."""
PEACE = 15.0
"""Seconds during which it is watched then."""
LAST_INSTANT = 10.0
"""Seconds after which each job for one instant has been due."""
LAST_TASKS = 400.0
"""Seconds after the last fire within which all tasks end."""
PRODUCT = ("application", "domain", "infrastructure", "interfaces")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`violations` is empty if all is as it should be. `digest` stands for all that has happened."""

    seed: int
    trouble: Trouble
    violations: list[str]
    verdicts: list[Verdict]
    commits: int
    checks: int
    seconds: float
    digest: str


def run(seed: int) -> Outcome:
    """All of it; the same seed is the same world."""
    random = Random(seed)
    return World(seed, trouble.drawn(random), workload.drawn(random)).run()


class World:
    """Its own loop, its own time."""

    def __init__(self, seed: int, suffered: Trouble, kinds: list[workload.Kind]) -> None:
        self._seed, self._trouble, self._kinds = seed, suffered, kinds
        self._loop = VirtualLoop()
        self.site = Site(self._loop, suffered, kinds, seed)
        self.witness = Witness(self.site.database)
        self._violations: list[str] = []
        self._guard = Guard(self.witness, self.site.diary, BOUNDS, self.site.jobs, self._stop)
        self.site.database.watchers.append(self._guard)
        self._complaints: dict[str, int] = {}

    def _stop(self, violation: str) -> None:
        self._violations.append(violation)
        self._loop.call_soon(self._loop.stop)

    def run(self) -> Outcome:
        verdicts: list[Verdict] = []
        with _heard(self._complain):
            try:
                history = self._loop.run_until_complete(self._live())
                verdicts = judge(history, INVARIANTS)
                self._violations += [f"{v.id}: {told}" for v in verdicts for told in v.violations]
            except StandStill:
                self._violations.append("everybody waits for something that never comes")
            except RuntimeError:
                if not self._violations:  # else it was stopped
                    raise
            self._violations += self.site.network.crashes + self._loop.errors
            seconds = self._loop.time()
            self._loop.clear_away()
        return Outcome(
            seed=self._seed,
            trouble=self._trouble,
            violations=self._violations,
            verdicts=verdicts,
            commits=self.site.database.commits,
            checks=self._guard.judged + sum(verdict.cases for verdict in verdicts),
            seconds=seconds,
            digest=self._digest(),
        )

    async def _live(self) -> History:
        site = self.site
        site.start()
        for kind in self._kinds:
            await site.clients.create(kind)
        users = site.clients.start()
        await asyncio.sleep(LIVENESS.timeout.total_seconds() + 1)
        site.feel(self._trouble.luck)
        async with asyncio.TaskGroup() as troubles:
            for step in self._trouble.steps:
                troubles.create_task(self._suffer(step))
            await asyncio.sleep(self._trouble.seconds)
        site.feel(CALM)
        healed = await self._heal()
        site.clients.stop()
        await asyncio.wait(users)
        await asyncio.sleep(LAST_INSTANT)
        scheduled = [kind.promise.name for kind in self._kinds if "trigger" in kind.document]
        await site.clients.pause_all(scheduled)
        await self._until(lambda: not site.database.rows("tasks"), LAST_TASKS)
        return self._history(healed)

    async def _suffer(self, step: trouble.Step) -> None:
        await asyncio.sleep(step.at)
        await self.site.suffer(step)

    async def _heal(self) -> list[Healed]:
        site = self.site
        await self._until(self._all_well, MENDING)
        self._complaints.clear()
        await asyncio.sleep(PEACE)
        ready = {node.name: node.is_well for node in site.nodes}
        ready |= {executor.name: executor.is_online for executor in site.executors}
        return [Healed(name=name, ready=well, complaints=self._complaints.get(name, 0)) for name, well in ready.items()]

    def _all_well(self) -> bool:
        site = self.site
        return all(node.is_well for node in site.nodes) and all(executor.is_online for executor in site.executors)

    async def _until(self, look: Callable[[], bool], patience: float) -> None:
        deadline = self._loop.time() + patience
        while not look() and self._loop.time() < deadline:  # noqa: ASYNC110 - it costs no real time
            await asyncio.sleep(0.5)

    def _complain(self, process: str) -> None:
        self._complaints[process] = self._complaints.get(process, 0) + 1

    def _history(self, healed: list[Healed]) -> History:
        site, witness = self.site, self.witness
        return History(
            bounds=BOUNDS,
            read_at=self._loop.now,
            jobs=site.jobs(),
            tasks=list(witness.tasks.values()),
            changes=witness.changes,
            ledger=witness.ledger(),
            sessions=witness.sessions,
            schedules=witness.schedules,
            events=witness.events,
            runs=site.diary.runs(),
            lies=[lie for liar in site.liars for lie in liar.lies],
            calls=site.clients.calls,
            faults=site.faults,
            beats=site.beats,
            healed=healed,
            rows_live=witness.ids("tasks"),
            rows_ended=witness.ids("history"),
        )

    def _digest(self) -> str:
        said = [repr(change) for change in self.witness.changes]
        said += [repr(call) for call in self.site.clients.calls]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


class _Ear(logging.Handler):
    """Tells of what the product logs as an error, and which process does."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._complain = complain

    def emit(self, record: logging.LogRecord) -> None:
        if (process := current_process()) is not None:
            self._complain(process.name)


@contextmanager
def _heard(complain: Callable[[str], None]) -> Iterator[None]:
    """Errors are told, and nothing else is logged meanwhile."""
    ear, loggers = _Ear(complain), [logging.getLogger(name) for name in PRODUCT]
    for logger in loggers:
        logger.addHandler(ear)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(ear)
            logger.propagate = True
