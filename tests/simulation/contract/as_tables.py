"""What stands in the store in memory, as rows of the tables of databases: so contracts look at both alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from domain.scheduling.executor import Executor
from domain.scheduling.settlement import Settlement
from domain.scheduling.task import TaskError
from infrastructure.sql.scheduling.schedule_rows import skips_text, times_text
from infrastructure.sql.scheduling.task_rows import encode_error
from tests.contract.builders import TZDATA
from tests.simulation.store.attempts import AttemptRow, ending
from tests.simulation.store.database import Database
from tests.simulation.store.exchange_call import LogRow, OrphanRow
from tests.simulation.store.rows import TaskRow
from tests.simulation.store.schedule_table import Entry, ScheduleRow

Columns = Mapping[str, Any]


def task(row: TaskRow) -> Columns:
    return {
        "id": row.id,
        "tenant": row.tenant,
        "job_id": row.job_id,
        "job_name": row.job_name,
        "job_version": row.job_version,
        "run_id": row.run_id,
        "origin": row.origin.value,
        "fire_key": row.fire_key,
        "unique_key": row.unique_key,
        "status": row.status.value,
        "status_reason": row.reason,
        "gate": row.gate.value if row.gate else None,
        "lane": row.lane,
        "rank": row.rank,
        "priority": row.priority,
        "attempt": row.attempt,
        "max_attempts": row.policy.max_attempts,
        "lost": row.lost,
        "snoozed": row.snoozed,
        "absences": row.absences,
        "executor_id": row.holder.executor_id if row.holder else None,
        "epoch": row.holder.epoch if row.holder else None,
        "token": row.token,
        "claim_id": row.claim_id,
        "timeout_s": None if row.timeout is None else int(row.timeout.total_seconds()),
        "nominal_at": row.nominal_at,
        "scheduled_time": row.scheduled_time,
        "ready_at": row.ready_at,
        "expires_at": row.expires_at,
        "total_deadline_at": row.total_deadline_at,
        "claimed_at": row.claimed_at,
        "started_at": row.started_at,
        "deadline_at": row.deadline_at,
        "stopping_until": row.stopping_until,
        "ended_at": row.ended_at,
        "created_at": row.created_at,
        "progress": row.progress,
        "progress_message": row.progress_message,
        "checkpoint": row.checkpoint,
        "parameters": row.parameters,
        "result": row.result,
        "error": encode_error(row.error),
        "version": row.version,
        "slot_key": row.slot.text if row.slot else None,
        "rate_key": row.rate.text if row.rate else None,
        "turn_key": row.turn.text if row.turn else None,
    }


def attempt(row: AttemptRow) -> Columns:
    return {
        "task_id": row.task_id,
        "attempt": row.attempt,
        "status": row.status,
        "executor_id": row.executor_id,
        "token": row.token,
        "claimed_at": row.claimed_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "error": _error(row.error),
    }


def log(row: LogRow) -> Columns:
    batch = row.batch
    return {
        "task_id": batch.task_id,
        "token": batch.token,
        "sequence": batch.sequence,
        "attempt": row.attempt,
        "at": row.at,
        "lines": batch.lines,
    }


def orphan(row: OrphanRow) -> Columns:
    end: Settlement = row.end
    return {
        "task_id": end.task_id,
        "token": end.token,
        "executor_id": row.executor_id,
        "status": ending(end.status, end.error.code if end.error else None),
        "result": end.result,
        "error": _error(end.error),
        "reported_at": row.reported_at,
    }


def occurrence(row: Entry) -> Columns:
    o = row.occurrence
    return {
        "id": o.id,
        "job_id": o.job_id,
        "fire_key": o.fire_key,
        "decision": o.decision.value,
        "nominal_at": o.last_nominal,
        "first_nominal_at": o.first_nominal,
        "planned_at": o.planned_at,
        "count": o.count,
        "reason": o.reason,
        "task_id": o.task_id,
        "job_version": o.job_version,
        "decided_at": row.decided_at,
        "tzdata_version": TZDATA,
    }


def schedule(row: ScheduleRow) -> Columns:
    s = row.schedule
    return {
        "job_id": s.job_id,
        "job_version": s.job_version,
        "lane": s.lane,
        "due_at": row.due_at,
        "upcoming": times_text(s),
        "skips": skips_text(s.skips),
        "active": s.active,
        "exhausted": s.exhausted,
        "last_nominal": s.state.last_nominal,
        "last_end": s.state.last_end,
        "fired_count": s.state.fired_count,
        "since": s.state.since,
        "awaited_task": s.awaited,
        "tail_id": s.tail.occurrence_id if s.tail else None,
        "tail_decision": s.tail.decision if s.tail else None,
        "health_error": row.error,
        "failures": row.failures,
        "last_fired_at": row.last_fired_at,
    }


def executor(row: Executor) -> Columns:
    return {
        "id": row.id,
        "tenant": row.tenant,
        "status": row.status.value,
        "status_reason": row.status_reason,
        "epoch": row.epoch,
        "last_heartbeat_at": row.last_heartbeat_at,
        "version": row.version,
    }


def _error(error: TaskError | None) -> str | None:
    return encode_error(error)


TABLES: Mapping[str, tuple[str, Callable[[Any], Columns]]] = {
    "tasks": ("tasks", task),
    "task_history": ("history", task),
    "task_attempts": ("attempts", attempt),
    "task_logs": ("logs", log),
    "orphan_results": ("orphans", orphan),
    "occurrences": ("ledger", occurrence),
    "schedules": ("schedules", schedule),
    "executors": ("executors", executor),
}


def table(database: Database, name: str) -> list[Columns]:
    """What is committed of a table of a database."""
    if name == "outbox":
        return [
            {
                "seq": seq,
                "tenant": "default",
                "context": "scheduling",
                "count": len(events),
                "events": msgspec.json.encode(events).decode(),
            }
            for seq, events in enumerate(database.outbox, 1)
        ]
    here, columns = TABLES[name]
    return [columns(row) for row in database.rows(here)]
