"""What the scanner of schedules reads and keeps, in SQL."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.health import Ailment, Entry, Finding, HealthStatus, Vitals
from domain.scheduling.ids import JobId
from domain.scheduling.occurrence import Decision
from domain.scheduling.ports.health_book import HealthBook
from infrastructure.sql.engine import DialectName
from infrastructure.sql.insert import insert
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.health_tables import schedule_findings
from infrastructure.sql.scheduling.schedule_rows import COLUMNS, schedule_of
from infrastructure.sql.scheduling.tables import jobs, occurrences, schedules
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from infrastructure.sql.types import Instant
from infrastructure.sql.unit_of_work import SqlUnitOfWork

log = logging.getLogger(__name__)

_s, _j, _o, _f = schedules.c, jobs.c, occurrences.c, schedule_findings.c
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE: Final = Relation("r", job_id=sa.Uuid, since=Instant)
_MOST_ENTRIES: Final = 10_000
_HELD_BACK: Final = (Decision.SKIPPED_PAUSED, Decision.SKIPPED_DISABLED)


def _vitals() -> sa.Select[Any]:
    alive = sa.exists().where(tasks.c.id == _s.awaited_task)
    ended = sa.select(sa.func.max(task_history.c.ended_at, type_=Instant)).where(task_history.c.id == _s.awaited_task)
    gone = sa.func.coalesce(ended.scalar_subquery(), sa.literal(_LONG_AGO, Instant), type_=Instant)
    none = sa.or_(_s.awaited_task.is_(None), alive)
    is_active = _j.status == sa.literal_column("'ACTIVE'")
    facts = (_s.due_at, _j.definition_version, _s.health_error, _s.failures, sa.case((none, None), else_=gone))
    return sa.select(*COLUMNS, *facts).select_from(schedules.join(jobs, _j.id == _s.job_id)).where(is_active)


class SqlHealthBook(HealthBook):
    """Part of a unit of work."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def vitals(self, after: JobId | None, limit: int) -> Sequence[Vitals]:
        query = _vitals().order_by(_s.job_id).limit(limit)
        return await self._read(query if after is None else query.where(_s.job_id > after))

    async def overdue(self, before: datetime, limit: int) -> Sequence[Vitals]:
        late = _vitals().where(_s.due_at.is_not(None), _s.due_at < before)
        return await self._read(late.order_by(_s.due_at, _s.job_id).limit(limit))

    async def vitals_of(self, job_id: JobId) -> Vitals | None:
        return next(iter(await self._read(_vitals().where(_s.job_id == job_id))), None)

    async def _read(self, query: sa.Select[Any]) -> list[Vitals]:
        found = []
        for row in await self._work.execute(query):
            due_at, job_version, error, failures, ended_at = row[len(COLUMNS) :]
            try:
                schedule = schedule_of(row[: len(COLUMNS)])
            except Exception:
                log.exception("the schedule of job %s cannot be read", row[0])  # the planner sets it aside
                continue
            found.append(
                Vitals(
                    schedule=schedule,
                    due_at=due_at,
                    job_version=job_version,
                    error=error,
                    failures=failures,
                    awaited_ended_at=ended_at,
                )
            )
        return found

    async def entries(self, since: Mapping[JobId, datetime]) -> Mapping[JobId, Sequence[Entry]]:
        found: dict[JobId, list[Entry]] = {}
        for job_id, first, last in await self._work.fetch(ENTRIES, **_SINCE.bind(self._work.dialect, since.items())):
            found.setdefault(JobId(job_id), []).append(Entry(first, last))
        return found

    async def known(self, job_ids: Sequence[JobId]) -> Mapping[JobId, Sequence[Finding]]:
        query = sa.select(schedule_findings).where(_f.job_id.in_(job_ids)).order_by(_f.job_id, _f.ailment)
        found: dict[JobId, list[Finding]] = {}
        for row in await self._work.execute(query):
            finding = Finding(Ailment(row.ailment), HealthStatus(row.status), row.detail, row.mend)
            found.setdefault(JobId(row.job_id), []).append(finding)
        return found

    async def keep(self, findings: Mapping[JobId, Sequence[Finding]]) -> Sequence[JobId]:
        changed = []
        for job_id, present in findings.items():
            names = [finding.ailment for finding in present]
            gone = sa.delete(schedule_findings).where(_f.job_id == job_id, _f.ailment.not_in(names))
            has_changed = (await self._work.execute(gone)).rowcount > 0
            has_changed |= any([await self._is_new(job_id, finding) for finding in present])
            if has_changed:
                changed.append(job_id)
        return changed

    async def _is_new(self, job_id: JobId, finding: Finding) -> bool:
        words_ = {"status": finding.status, "detail": finding.detail, "mend": finding.mend}
        row = {"job_id": job_id, "ailment": finding.ailment, "since": self._work.now, **words_}
        new = insert(self._work.dialect, schedule_findings).values(row).on_conflict_do_nothing()
        if (await self._work.execute(new.returning(_f.job_id))).one_or_none() is not None:
            return True
        this = sa.and_(_f.job_id == job_id, _f.ailment == finding.ailment)
        await self._work.execute(sa.update(schedule_findings).where(this).values(words_))
        return False


def _entries(dialect: DialectName) -> sa.Select[Any]:
    """What a pause held back was counted only so far; it is about all up to when it was noted."""
    r = _SINCE.source(dialect)
    last = sa.case((_o.decision.in_(words(_HELD_BACK)), _o.decided_at), else_=_o.nominal_at)
    query = sa.select(_o.job_id, _o.first_nominal_at, sa.type_coerce(last, Instant))
    query = query.select_from(r.join(occurrences, sa.and_(_o.job_id == r.c.job_id, _o.nominal_at >= r.c.since)))
    return query.limit(sa.literal_column(str(_MOST_ENTRIES)))


ENTRIES: Final = Statement(_entries)


def findings_by_ailment() -> sa.Select[Any]:
    """How many schedules have which ailment."""
    return sa.select(_f.ailment, sa.func.count().label("schedules")).group_by(_f.ailment)


def all_ailments(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Every ailment with its count, none left out."""
    return {**dict.fromkeys(map(str, Ailment), 0), **dict(counted)}
