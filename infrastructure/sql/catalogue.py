"""Every table of the platform: whoever needs the catalogue complete takes it from here."""

from __future__ import annotations

from types import ModuleType

from infrastructure.sql import repeat_tables
from infrastructure.sql.notifications import sink_tables, webhook_tables
from infrastructure.sql.operations import lock_tables, node_tables, operation_tables
from infrastructure.sql.scheduling import (
    backfill_tables,
    dependency_tables,
    health_tables,
    limit_tables,
    tables,
    task_tables,
)
from infrastructure.sql.schema import metadata

MODULES: tuple[ModuleType, ...] = (
    tables,
    task_tables,
    dependency_tables,
    limit_tables,
    repeat_tables,
    lock_tables,
    backfill_tables,
    health_tables,
    node_tables,
    operation_tables,
    sink_tables,
    webhook_tables,
)
"""Where tables are defined; importing them enters them in `metadata`."""

catalogue = metadata
