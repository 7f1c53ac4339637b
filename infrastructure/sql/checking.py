"""Whether a database takes what is written."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import sqlalchemy as sa

from infrastructure.sql.engine import Store
from infrastructure.sql.errors import store_errors

log = logging.getLogger(__name__)

PATIENCE_SECONDS: Final = 1.0
"""For a connection: if all are in use, writes are getting through, only slowly."""

_READ_ONLY = sa.text("SELECT current_setting('transaction_read_only') = 'on'")
_ADVICE: Final = (
    "PostgreSQL takes no writes: it is a replica, or default_transaction_read_only is set. Let"
    " platform.scheduler.database.url name the primary; with several hosts add ?target_session_attrs=read-write."
)


async def is_read_only(store: Store) -> bool:
    """Says in the log what to do. Raises `StoreUnavailable`. SQLite tells with the first write."""
    if store.dialect == "sqlite":
        return False
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            with store_errors():
                async with store.engine.connect() as connection:
                    found = bool((await connection.execute(_READ_ONLY)).scalar_one())
    except TimeoutError:
        return False
    if found:
        log.error(_ADVICE)
    return found
