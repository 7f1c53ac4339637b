"""How readers ask: straight to the store's read side, no aggregates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from application.scheduling.views import (
    AttemptView,
    ClusterView,
    ExecutorView,
    FailureGroupView,
    JobVersionView,
    JobView,
    LogLineView,
    OccurrenceView,
    OrphanView,
    TaskView,
)
from application.shared.page import Page
from domain.shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """At most `limit` items after `cursor`, which an earlier page of the same list gave."""

    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Empty = any. Several values of one field: any of them; several fields: all."""

    statuses: Sequence[str] = ()
    names: Sequence[str] = ()
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Empty = any. Scheduled not before `since` and before `until`; failed alike by `fingerprint`.

    `by_time`: those scheduled last come first, instead of those made last.
    """

    job_id: UUID | None = None
    statuses: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    fingerprint: str | None = None
    by_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureFilter:
    """Ended not before `since` and before `until`; None = whenever. Of one job, or of any."""

    since: datetime | None = None
    until: datetime | None = None
    job_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceFilter:
    """Empty = any decision. Entries with a fire not before `since` and before `until`, by its nominal time."""

    decisions: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None


class SchedulingReader(Protocol):
    """Reads see what is committed. A cursor that does not fit its list raises `Invalid`."""

    @abstractmethod
    async def job(self, tenant: TenantId, key: UUID | str) -> JobView:
        """By id (a deleted one too) or by name. Raises `JobNotFound`."""

    @abstractmethod
    async def jobs(self, tenant: TenantId, where: JobFilter, page: Slice) -> Page[JobView]:
        """By name."""

    @abstractmethod
    async def job_versions(self, tenant: TenantId, job_id: UUID, page: Slice) -> Page[JobVersionView]:
        """Its definitions, the newest first."""

    @abstractmethod
    async def task(self, tenant: TenantId, task_id: UUID) -> TaskView:
        """Live or from history. Raises `TaskNotFound`."""

    @abstractmethod
    async def tasks(self, tenant: TenantId, where: TaskFilter, page: Slice) -> Page[TaskView]:
        """Newest first, live ones and history as one list."""

    @abstractmethod
    async def failures(self, tenant: TenantId, where: FailureFilter, limit: int) -> list[FailureGroupView]:
        """What failed alike, the most frequent first."""

    @abstractmethod
    async def attempts(self, tenant: TenantId, task_id: UUID) -> list[AttemptView]:
        """Oldest first. Raises `TaskNotFound`."""

    @abstractmethod
    async def orphans(self, tenant: TenantId, task_id: UUID) -> list[OrphanView]:
        """What was reported too late, oldest lease first. Raises `TaskNotFound`."""

    @abstractmethod
    async def log(self, tenant: TenantId, task_id: UUID, levels: Sequence[str], page: Slice) -> Page[LogLineView]:
        """In the order the executor wrote them; `next_cursor` is never None, so that a follower can go on from there.

        Raises `TaskNotFound`.
        """

    @abstractmethod
    async def occurrences(
        self, tenant: TenantId, job_id: UUID, where: OccurrenceFilter, page: Slice
    ) -> Page[OccurrenceView]:
        """The ledger of a job, newest first."""

    @abstractmethod
    async def executors(self, tenant: TenantId, statuses: Sequence[str], page: Slice) -> Page[ExecutorView]:
        """By id."""

    @abstractmethod
    async def cluster(self, tenant: TenantId) -> ClusterView:
        """Executors and live tasks, counted."""

    @abstractmethod
    async def executor(self, tenant: TenantId, executor_id: str) -> ExecutorView:
        """Raises `ExecutorNotFound`."""
