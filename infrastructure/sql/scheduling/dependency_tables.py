"""The tables of the graph of dependencies."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, Uuid

from infrastructure.sql.schema import metadata, tenant
from infrastructure.sql.types import Instant, JsonText

dependents = Table(
    "dependents",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    tenant(),
    Column("document", JsonText, nullable=False),
    Index("ix_dependents_tenant", "tenant", "job_id"),
)
"""What each job that depends on others depends on."""

dependency_edges = Table(
    "dependency_edges",
    metadata,
    Column("upstream_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Index("ix_dependency_edges_job", "job_id", "upstream_id"),
)
"""The same as pairs: whoever ends a task looks here whether others may be waiting for it."""

dependency_graphs = Table(
    "dependency_graphs",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)
"""A row for each tenant: its lock, and how often its graph has changed."""

judgements = Table(
    "judgements",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    tenant(),
    Column("job_id", Uuid, nullable=False),
    Column("run_id", Uuid, nullable=False),
)
"""Jobs that a task concerns which has ended, or has begun to wait; rows are taken away when that has been judged."""

cancelled_runs = Table(
    "cancelled_runs",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    tenant(),
    Column("reason", Text),
    Column("by", Text, nullable=False),
    Column("at", Instant, nullable=False),
)
"""Runs of which nothing more comes."""
