"""Columns that several tables of revision 0001 have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, SmallInteger, Text, Uuid

from infrastructure.sql.types import Instant, JsonText


def tenant() -> Column[str]:
    """Whose the row is."""
    return Column("tenant", Text, nullable=False, server_default="default")


def task_columns() -> list[Column[object]]:
    """Of tasks alive and in history, in the same order."""
    return [
        Column("id", Uuid, nullable=False),
        tenant(),
        Column("job_id", Uuid, nullable=False),
        Column("job_name", Text, nullable=False),
        Column("job_version", Integer, nullable=False),
        Column("run_id", Uuid, nullable=False),
        Column("origin", Text, nullable=False),
        Column("fire_key", Text),
        Column("unique_key", Text),
        Column("status", Text, nullable=False),
        Column("status_reason", Text),
        Column("gate", Text),
        Column("lane", Integer, nullable=False),
        Column("rank", BigInteger, nullable=False),
        Column("priority", SmallInteger, nullable=False),
        Column("attempt", SmallInteger, nullable=False, server_default="0"),
        Column("max_attempts", SmallInteger, nullable=False),
        Column("lost", SmallInteger, nullable=False, server_default="0"),
        Column("snoozed", SmallInteger, nullable=False, server_default="0"),
        Column("absences", SmallInteger, nullable=False, server_default="0"),
        Column("executor_id", Text),
        Column("epoch", Integer),
        Column("token", BigInteger),
        Column("claim_id", Uuid),
        Column("timeout_s", Integer),
        Column("nominal_at", Instant),
        Column("scheduled_time", Instant, nullable=False),
        Column("ready_at", Instant, nullable=False),
        Column("expires_at", Instant),
        Column("total_deadline_at", Instant),
        Column("claimed_at", Instant),
        Column("started_at", Instant),
        Column("deadline_at", Instant),
        Column("stopping_until", Instant),
        Column("ended_at", Instant),
        Column("created_at", Instant, nullable=False),
        Column("progress", Float),
        Column("checkpoint", JsonText),
        Column("parameters", JsonText, nullable=False),
        Column("result", JsonText),
        Column("error", JsonText),
        Column("version", Integer, nullable=False, server_default="1"),
    ]
