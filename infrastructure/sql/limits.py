"""How much of a PostgreSQL one node takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Connections by what they are for, and how long a statement may take. SQLite has bounds of its own."""

    pool_size: int = 10
    hot_pool_size: int = 8
    read_pool_size: int = 5
    statement_timeout: timedelta = timedelta(seconds=30)

    @property
    def answer_seconds(self) -> float:
        """After so long a server that says nothing at all is away; it should have ended the statement before."""
        return self.statement_timeout.total_seconds() * 2

    @property
    def settings(self) -> Mapping[str, str]:
        """Of every connection: no statement, lock or idle transaction may hold up the others for long."""
        milliseconds = round(self.statement_timeout.total_seconds() * 1000)
        return {
            "lock_timeout": f"{milliseconds // 3}ms",
            "statement_timeout": f"{milliseconds}ms",
            "idle_in_transaction_session_timeout": f"{milliseconds * 2}ms",
        }
