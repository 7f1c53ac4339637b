"""Metrics that note what they are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from application.scheduling.metrics import Metrics
from domain.scheduling.occurrence import Occurrence
from domain.scheduling.task import Origin
from domain.scheduling.task_status import TaskStatus


class NotedMetrics(Metrics):
    """Counts and lists, in the words of the port."""

    def __init__(self) -> None:
        self.decisions: Counter[str] = Counter()
        self.origins: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.waits: list[float] = []
        self.durations: list[float] = []

    def decided(self, occurrences: Sequence[Occurrence], now: datetime) -> None:
        for occurrence in occurrences:
            self.decisions[occurrence.decision] += occurrence.count

    def created(self, origin: Origin, count: int) -> None:
        self.origins[origin] += count

    def settled(self, statuses: Iterable[TaskStatus]) -> None:
        self.statuses.update(statuses)

    def waited(self, seconds: Sequence[float]) -> None:
        self.waits += seconds

    def ran(self, seconds: Sequence[float]) -> None:
        self.durations += seconds
