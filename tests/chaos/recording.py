"""A witness in the store: triggers write down each change of the rows that matter, in the transaction that makes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import asyncpg

from tests.chaos.workload import promised
from tests.invariants.history import Entry, Event, Job, ScheduleChange, SessionChange, Task, TaskChange, TaskState

WATCHED = ("tasks", "task_history", "executors", "schedules", "outbox")

SETUP = """
CREATE SCHEMA witness;
CREATE TABLE witness.changes (
    seq bigserial PRIMARY KEY, tx text NOT NULL, began timestamptz NOT NULL, at timestamptz NOT NULL,
    source text NOT NULL, old jsonb, new jsonb
);
CREATE FUNCTION witness.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO witness.changes (tx, began, at, source, old, new) VALUES (
        pg_current_xact_id()::text, transaction_timestamp(), clock_timestamp(), tg_argv[0],
        CASE WHEN tg_op <> 'INSERT' THEN to_jsonb(old) END, CASE WHEN tg_op <> 'DELETE' THEN to_jsonb(new) END
    );
    RETURN NULL;
END $$;
"""

TRIGGER = """
CREATE TRIGGER witness AFTER INSERT OR UPDATE OR DELETE ON {0} FOR EACH ROW EXECUTE FUNCTION witness.note('{0}');
"""

Row = Mapping[str, Any]


async def set_up(connection: asyncpg.Connection) -> None:
    """On a migrated database in which nothing has happened."""
    await connection.execute(SETUP + "".join(TRIGGER.format(table) for table in WATCHED))


class Recording:
    """What the store says, read once, when all is over."""

    def __init__(
        self, changes: Sequence[Row], ledger: Sequence[Row], jobs: Sequence[Row], rows: Mapping[str, list[str]]
    ):
        self._changes, self._ledger, self._jobs = changes, ledger, jobs
        self.rows = rows

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> Recording:
        await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        await connection.set_type_codec("json", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        changes = await connection.fetch("SELECT * FROM witness.changes ORDER BY seq")
        ledger = await connection.fetch("SELECT * FROM occurrences ORDER BY nominal_at, id")
        jobs = await connection.fetch("SELECT * FROM jobs")
        rows = {
            table: [str(row["id"]) for row in await connection.fetch(f"SELECT id FROM {table}")]
            for table in ("tasks", "task_history")
        }
        return cls(changes, ledger, jobs, rows)

    def jobs(self) -> list[Job]:
        return [promised(str(row["id"]), {"name": row["name"], **row["spec"]}) for row in self._jobs]

    def tasks(self) -> list[Task]:
        """From the rows that were written first: keys are taken away when a task ends."""
        found: dict[str, Task] = {}
        for change in self._of("tasks"):
            row = change["new"]
            if row is not None and (row["id"] not in found or row["unique_key"]):
                parameters = row["parameters"] or {}
                found[row["id"]] = Task(
                    id=row["id"],
                    job=row["job_id"],
                    fire_key=row["fire_key"],
                    unique_key=row["unique_key"],
                    mark=parameters.get("mark"),
                    run=row["run_id"],
                )
        return list(found.values())

    def task_changes(self) -> Iterator[TaskChange]:
        """A move to history is one change, like all that one transaction does to a task."""
        about = [change for change in self._changes if change["source"] in ("tasks", "task_history")]
        states: dict[str, TaskState] = {}
        for (_, task), group in _grouped(about):
            written = [change for change in group if change["new"] is not None]
            if not written:
                continue
            last = written[-1]
            new = _state(last["new"], live=last["source"] == "tasks")
            yield TaskChange(
                tx=last["tx"], began=last["began"], at=last["at"], task=task, old=states.get(task), new=new
            )
            states[task] = new

    def ledger(self) -> list[Entry]:
        return [
            Entry(
                job=str(row["job_id"]),
                fire_key=row["fire_key"],
                decision=row["decision"],
                first_nominal=row["first_nominal_at"],
                nominal=row["nominal_at"],
                count=row["count"],
                decided_at=row["decided_at"],
                task=None if row["task_id"] is None else str(row["task_id"]),
            )
            for row in self._ledger
        ]

    def sessions(self) -> list[SessionChange]:
        return [
            SessionChange(
                at=change["at"],
                executor=change["new"]["id"],
                epoch=change["new"]["epoch"],
                status=change["new"]["status"],
                last_beat=_instant(change["new"]["last_heartbeat_at"]),
                lost=_is_lost(change["old"] or {}, change["new"]),
            )
            for change in self._of("executors")
        ]

    def schedules(self) -> list[ScheduleChange]:
        return [
            ScheduleChange(
                at=change["at"],
                job=change["new"]["job_id"],
                version=change["new"]["job_version"],
                last_nominal=_instant_or_none(change["new"]["last_nominal"]),
                fired=change["new"]["fired_count"],
            )
            for change in self._of("schedules")
            if change["new"] is not None
        ]

    def events(self) -> list[Event]:
        return [
            Event(id=(row["seq"], index), tx=change["tx"], type=event["type"], task=event.get("taskId"))
            for change in self._of("outbox")
            if change["old"] is None and (row := change["new"])
            for index, event in enumerate(row["events"])
        ]

    def _of(self, source: str) -> Iterator[Row]:
        return (change for change in self._changes if change["source"] == source)


def _grouped(changes: Sequence[Row]) -> Iterator[tuple[tuple[str, str], list[Row]]]:
    """What one transaction did to one task, in the order in which it did the last of it."""

    def key(change: Row) -> tuple[str, str]:
        return change["tx"], (change["new"] or change["old"])["id"]

    groups: dict[tuple[str, str], list[Row]] = {}
    for found, some in groupby(changes, key):
        groups.setdefault(found, []).extend(some)
    yield from sorted(groups.items(), key=lambda group: group[1][-1]["seq"])


def _state(row: Row, *, live: bool) -> TaskState:
    return TaskState(
        status=row["status"],
        attempt=row["attempt"],
        ready_at=_instant(row["ready_at"]),
        scheduled_time=_instant(row["scheduled_time"]),
        token=row["token"],
        executor=row["executor_id"],
        epoch=row["epoch"],
        lost=row["lost"],
        stopping=row["stopping_until"] is not None,
        live=live,
        deadline_at=_instant_or_none(row["deadline_at"]),
        ended_at=_instant_or_none(row["ended_at"]),
        error=(row["error"] or {}).get("code"),
        result=row["result"],
    )


def _is_lost(old: Row, new: Row) -> bool:
    """Gone offline because nothing was heard of it."""
    went = new["status"] == "OFFLINE" and old.get("status") != "OFFLINE"
    return went and "no heartbeat" in (new["status_reason"] or "")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _instant_or_none(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
