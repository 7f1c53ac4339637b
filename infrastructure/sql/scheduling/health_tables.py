"""The table of findings about schedules; a healthy platform has none."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text, Uuid

from infrastructure.sql.schema import metadata
from infrastructure.sql.types import Instant

schedule_findings = Table(
    "schedule_findings",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("ailment", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("mend", Text, nullable=False),
    Column("since", Instant, nullable=False),
)
