"""What is known of runs and of the fires of upstreams."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.scheduling.dependency import Match
from domain.scheduling.ids import JobId, RunId, TaskId
from domain.scheduling.judging import Seen, Sight
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The task that a run began with, meant to run at `nominal`. `cancelled`: why the run goes no further."""

    job_id: JobId
    nominal: datetime
    seen: Seen
    cancelled: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a task ended, with all that conditions and templates may ask for."""

    task_id: TaskId
    run_id: RunId
    status: TaskStatus
    result: JsonText | None
    parameters: JsonText


@dataclass(frozen=True, slots=True)
class Wish:
    """The fires of an upstream that a match means for a nominal time."""

    upstream: JobId
    match: Match
    nominal: datetime


Part = tuple[RunId, JobId]
"""A job's place in a run."""


class RunBook(Protocol):
    """Reads only, what others have committed and what this unit of work has done."""

    @abstractmethod
    async def roots(self, runs: Collection[RunId]) -> Mapping[RunId, Root]:
        """How they began; a run whose root is not kept any more is left out."""

    @abstractmethod
    async def parts(self, parts: Collection[Part]) -> Mapping[Part, Seen]:
        """The tasks that stand at these places; the newest, should there be several."""

    @abstractmethod
    async def fires(self, wishes: Collection[Wish], now: datetime) -> Mapping[Wish, Sight]:
        """What the ledger has of these at `now`."""

    @abstractmethod
    async def ends(self, tasks: Collection[TaskId]) -> Mapping[TaskId, End]:
        """Those of the tasks that have ended."""

    @abstractmethod
    async def cancel(self, tenant: TenantId, run_id: RunId, reason: str | None, by: str) -> None:
        """Nothing more comes of the run. Takes effect for everybody who judges after this unit of work."""

    @abstractmethod
    async def live(self, tenant: TenantId, run_id: RunId, limit: int) -> Sequence[TaskId]:
        """Some of its tasks that may still be cancelled."""
