"""Metrics for Prometheus: counted here as plain numbers, given their form when somebody asks for them."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from application.notifications.views import SinkView
from application.operations.locking import LockListener
from application.scheduling.figures import Figures, FiguresReader
from application.scheduling.metrics import Metrics
from application.shared.errors import StoreUnavailable
from domain.operations.lock import LockTerm
from domain.scheduling.occurrence import Decision, Occurrence
from domain.scheduling.task import Origin
from domain.scheduling.task_status import FINAL, TaskStatus
from infrastructure.histogram import Histogram
from infrastructure.metric_families import counter, gauge, histogram

FIGURES_SECONDS: Final = 5.0
"""How long numbers from the store are good enough: several scrapers shall not make it count again and again."""

LAG_EVERY_SECONDS: Final = 0.25
"""How often the event loop is asked how late it is."""

QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LATE: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
LONG: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
REQUEST: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class SinkFigures(Protocol):
    """How far sinks are."""

    @abstractmethod
    async def all_sinks(self) -> Sequence[SinkView]:
        """Of every tenant. Raises `StoreUnavailable`."""


class Telemetry(Metrics, LockListener, Collector):
    """One registry a process; to be told from the event loop's thread only. `facts` describe this node."""

    def __init__(self, reader: FiguresReader, facts: Mapping[str, str], sinks: SinkFigures | None = None) -> None:
        self._reader = reader
        self._facts = dict(facts)
        self._figures: Figures | None = None
        self._sink_reader = sinks
        self._sinks: Sequence[SinkView] = ()
        self._figures_at = -FIGURES_SECONDS
        self._asking = asyncio.Lock()
        self._fires = Counter[str](dict.fromkeys(Decision, 0))
        self._created = Counter[str](dict.fromkeys(Origin, 0))
        self._settled = Counter[str](dict.fromkeys((TaskStatus.WAITING_RETRY, *sorted(FINAL)), 0))
        self._locks = Counter[tuple[str, str]]()
        self._schedule_lag = Histogram(LATE)
        self._queue_wait = Histogram(LATE)
        self._duration = Histogram(LONG)
        self._loop_lag = Histogram(QUICK)
        self._requests: dict[tuple[str, ...], Histogram] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._registry.register(self)

    def decided(self, occurrences: Sequence[Occurrence], now: datetime) -> None:
        fires, lags = self._fires, []
        for occurrence in occurrences:
            fires[occurrence.decision] += occurrence.count
            if occurrence.decision is Decision.FIRED:
                lags.append(max(0.0, (now - occurrence.planned_at).total_seconds()))
        self._schedule_lag.observe(lags)

    def created(self, origin: Origin, count: int) -> None:
        self._created[origin] += count

    def settled(self, statuses: Iterable[TaskStatus]) -> None:
        self._settled.update(statuses)

    def waited(self, seconds: Sequence[float]) -> None:
        self._queue_wait.observe(seconds)

    def ran(self, seconds: Sequence[float]) -> None:
        self._duration.observe(seconds)

    def acquired(self, term: LockTerm) -> None:
        self._locks[term.name, "ACQUIRED"] += 1

    def skipped(self, term: LockTerm) -> None:
        self._locks[term.name, "SKIPPED"] += 1

    def released(self, term: LockTerm, seconds: float) -> None:
        pass

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request to `route` (its template, so that there are few) was answered after so long."""
        key = (method, route, str(status))
        observed = self._requests.get(key)
        if observed is None:
            observed = self._requests[key] = Histogram(REQUEST)
        observed.observe((seconds,))

    def watch_loop(self) -> None:
        """Measure the running event loop until `close`."""
        loop = asyncio.get_running_loop()
        due = loop.time() + LAG_EVERY_SECONDS

        def rise() -> None:
            self._loop_lag.observe((max(0.0, loop.time() - due),))
            self.watch_loop()

        self._timer = loop.call_at(due, rise)

    def close(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def exposition(self) -> bytes:
        """Everything as Prometheus's text, version 0.0.4. What only the store knows is left out while it is away."""
        async with self._asking:
            if time.monotonic() - self._figures_at >= FIGURES_SECONDS:
                try:
                    self._figures = await self._reader.figures()
                    self._sinks = await self._sink_reader.all_sinks() if self._sink_reader else ()
                except StoreUnavailable:
                    self._figures, self._sinks = None, ()
                self._figures_at = time.monotonic()
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The product's own metrics."""
        created, settled = self._created, self._settled
        yield gauge("scheduler_info", [(tuple(self._facts.values()), 1)], *self._facts)
        yield gauge("scheduler_tasks_scheduled_count", [((), created.total())])
        yield gauge("scheduler_tasks_completed_count", [((), settled[TaskStatus.COMPLETED])])
        failed = settled[TaskStatus.FAILED] + settled[TaskStatus.TIMEOUT]
        yield gauge("scheduler_tasks_failed_count", [((), failed)])
        yield counter("scheduler_tasks_created", created, "origin")
        yield counter("scheduler_fires", self._fires, "decision")
        yield counter("scheduler_settlements", settled, "status")
        yield counter("scheduler_locks", self._locks, "lock", "outcome")
        yield histogram("scheduler_schedule_lag_seconds", [((), self._schedule_lag)])
        yield histogram("scheduler_queue_wait_seconds", [((), self._queue_wait)])
        yield histogram("scheduler_task_duration_seconds", [((), self._duration)])
        yield histogram("scheduler_event_loop_lag_seconds", [((), self._loop_lag)])
        requests = self._requests.items()
        yield histogram("scheduler_http_request_duration_seconds", requests, "method", "route", "status")
        if self._figures is not None:
            yield from _of_store(self._figures)
            sinks = [((sink.name,), sink) for sink in self._sinks]
            yield gauge("scheduler_sink_lag_seconds", [(name, of.lag_seconds) for name, of in sinks], "sink")
            yield gauge("scheduler_sink_dead_letters", [(name, of.dead_letters) for name, of in sinks], "sink")


def _of_store(figures: Figures) -> Iterator[Metric]:
    yield gauge("scheduler_jobs_active_count", [((), figures.active_jobs)])
    yield gauge("scheduler_executor_count", [((), figures.online_executors)])
    yield gauge("scheduler_executors_stalled_count", [((), figures.stalled_executors)])
    ailing = [((ailment,), count) for ailment, count in figures.ailing.items()]
    yield gauge("scheduler_schedule_findings", ailing, "finding")
    pools = [((each.pool,), each) for each in figures.pools]
    yield gauge("scheduler_executor_slots", [(pool, of.slots) for pool, of in pools], "pool")
    yield gauge("scheduler_executor_slots_used", [(pool, of.slots_used) for pool, of in pools], "pool")
    yield gauge("scheduler_oldest_pending_age_seconds", [(pool, of.oldest_wait_seconds) for pool, of in pools], "pool")
