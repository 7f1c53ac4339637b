"""The statements on the page about locks keep out whoever was replaced."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa

from infrastructure.clock import SystemClock
from infrastructure.sql.engine import open_store

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "share-a-lock.md"


async def test_a_table_that_compares_tokens_lets_no_older_one_in(store_url: str) -> None:
    setup, change = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    store = open_store(store_url, SystemClock())
    async with store.engine.begin() as connection:
        for statement in filter(str.strip, setup.split(";")):
            await connection.execute(sa.text(statement))
        changed = [(await connection.execute(sa.text(change), {"token": token})).rowcount for token in (7, 7, 9, 8)]
        amount = (await connection.execute(sa.text("SELECT amount FROM ledger"))).scalar_one()
    await store.dispose()
    assert (changed, amount) == ([1, 1, 1, 0], 10)
