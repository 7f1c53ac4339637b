"""What is known of runs and of upstreams' fires, on the dictionaries of the fake store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from domain.scheduling.dependency import MatchType
from domain.scheduling.ids import RunId, TaskId
from domain.scheduling.judging import Seen, Sight
from domain.scheduling.occurrence import Occurrence
from domain.scheduling.ports.run_book import End, Part, Root, RunBook, Wish
from domain.shared.ids import TenantId
from tests.unit.application.fake_judgements import parameters_of
from tests.unit.application.fake_queues import StoredTask

if TYPE_CHECKING:
    from tests.unit.application.fake_store import Tables


class FakeRunBook(RunBook):
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def roots(self, runs: Collection[RunId]) -> Mapping[RunId, Root]:
        roots = [self._tables.tasks[TaskId(run)] for run in runs if TaskId(run) in self._tables.tasks]
        return {
            RunId(root.id): Root(
                job_id=root.job_id,
                nominal=_nominal(root),
                seen=_seen(root),
                cancelled=self._tables.cancelled_runs.get(RunId(root.id)),
            )
            for root in roots
        }

    async def parts(self, parts: Collection[Part]) -> Mapping[Part, Seen]:
        tasks = sorted(self._tables.tasks.values(), key=lambda task: task.id)
        found = {(task.run, task.job_id): _seen(task) for task in tasks if task.id != task.run}
        return {part: seen for part, seen in found.items() if part in parts}

    async def fires(self, wishes: Collection[Wish], now: datetime) -> Mapping[Wish, Sight]:
        return {wish: self._sight(wish, now) for wish in wishes}

    async def ends(self, tasks: Collection[TaskId]) -> Mapping[TaskId, End]:
        ended = [task for id_ in tasks if (task := self._tables.tasks.get(id_)) and not task.is_live]
        return {
            task.id: End(
                task_id=task.id,
                run_id=task.run,
                status=task.status,
                result=task.result,
                parameters=parameters_of(self._tables, task),
            )
            for task in ended
        }

    async def cancel(self, tenant: TenantId, run_id: RunId, reason: str | None, by: str) -> None:
        self._tables.cancelled_runs.setdefault(run_id, reason or f"by {by}")

    async def live(self, tenant: TenantId, run_id: RunId, limit: int) -> Sequence[TaskId]:
        alive = [t.id for t in self._tables.tasks.values() if t.run == run_id and not t.status.is_final]
        return sorted(alive)[:limit]

    def _sight(self, wish: Wish, now: datetime) -> Sight:
        match, nominal = wish.match, wish.nominal
        schedule = self._tables.schedules[wish.upstream]
        known = schedule.upcoming[:1] if schedule.active else ()
        since = nominal if match.span is None else nominal - match.span
        if match.type is MatchType.LATEST:
            tasks = [t for t in self._tables.tasks.values() if t.job_id == wish.upstream and t.scheduled_time <= now]
            young = sorted((t for t in tasks if _nominal(t) >= since), key=lambda task: task.id)
            return Sight([_seen(young[-1])] if young else [], awaited=not young, missing="has not run for so long")
        ledger = [each for each in self._tables.occurrences.values() if each.job_id == wish.upstream]
        match match.type:
            case MatchType.SAME:
                spans = [each for each in ledger if each.first_nominal <= nominal <= each.last_nominal]
                found = sorted(spans, key=lambda each: not each.decision.runs)[:1]
                awaited = not found and schedule.active and (not known or known[0] <= nominal)
                return Sight(self._seen(found), awaited=awaited, missing="has no fire at that time")
            case MatchType.PREVIOUS:
                before = [each for each in ledger if each.decision.runs and each.last_nominal < nominal]
                found = sorted(before, key=lambda each: each.last_nominal)[-1:]
                awaited, missing = any(at < nominal for at in known), "has not fired before"
            case _:
                found = [each for each in ledger if each.last_nominal > since and each.first_nominal <= nominal]
                awaited, missing = any(at <= nominal for at in known), "has no fire in that window"
        return Sight(self._seen(found), awaited=awaited, missing=missing)

    def _seen(self, entries: Sequence[Occurrence]) -> Sequence[Seen]:
        return [
            Seen(None, None, why=f"did not run: {each.decision}")
            if each.task_id is None
            else _seen(self._tables.tasks[each.task_id])
            for each in entries
        ]


def _nominal(task: StoredTask) -> datetime:
    return task.nominal_at or task.scheduled_time


def _seen(task: StoredTask) -> Seen:
    return Seen(task.id, task.status, task.stopping_until is not None)
