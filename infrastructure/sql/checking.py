"""Whether a database takes what is written."""

from __future__ import annotations

import asyncio
from typing import Final

import sqlalchemy as sa

from infrastructure.sql.engine import Store
from infrastructure.sql.errors import store_errors

PATIENCE_SECONDS: Final = 1.0
"""For a connection: if all are in use, writes are getting through, only slowly."""

_READ_ONLY = sa.text("SELECT current_setting('transaction_read_only') = 'on'")


async def refuses_writes(store: Store) -> bool:
    """Whether PostgreSQL says so of itself, or somebody's write was refused just now. Raises `StoreUnavailable`."""
    if store.dialect == "postgresql" and await _is_read_only(store):
        store.refusals.note_read_only()
    return store.refusals.stand()


async def _is_read_only(store: Store) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            with store_errors():
                async with store.engine.connect() as connection:
                    return bool((await connection.execute(_READ_ONLY)).scalar_one())
    except TimeoutError:
        return False
