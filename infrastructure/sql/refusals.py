"""A database that takes no writes: what to do about it, and for how long that is to be believed."""

from __future__ import annotations

import logging
import sqlite3
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from application.shared.clock import Clock

log = logging.getLogger(__name__)

SPELL: Final = timedelta(seconds=15)
"""How long a refusal stands. While a disk is full small writes succeed now and then: one of them proves nothing."""

_READ_ONLY: Final = (
    "PostgreSQL takes no writes: it is a replica, or default_transaction_read_only is set. Let"
    " platform.scheduler.database.url name the primary; with several hosts add ?target_session_attrs=read-write."
)
_FULL: Final = (
    "The disk of PostgreSQL is full. Free space there, or move its data to a larger disk; what was confirmed is kept,"
    " and everything goes on by itself as soon as there is room."
)
_FULL_SQLITE: Final = (
    "SQLite has no room to write: its disk is full. Free space where platform.scheduler.database.url points to; what"
    " was confirmed is kept, and everything goes on by itself as soon as there is room."
)
_FORBIDDEN: Final = (
    "SQLite may not write its file. Give the user of this process the right to write the file and its directory, to"
    " which platform.scheduler.database.url points."
)


class Refusals:
    """Those of one database. The log says what to do with the first of them, and again when it is another or over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: tuple[datetime, str] | None = None

    def stand(self) -> bool:
        """Whether a write was refused just now."""
        return self._last is not None and self._clock.now() - self._last[0] < SPELL

    def note(self, error: BaseException) -> None:
        """What a driver has raised; most of it is no refusal."""
        if (advice := _advice(error)) is not None:
            self._note(advice, str(error))

    def note_read_only(self) -> None:
        """What PostgreSQL says of itself."""
        self._note(_READ_ONLY, "transaction_read_only is on")

    def _note(self, advice: str, why: str) -> None:
        if not self.stand() or self._last is None or self._last[1] != advice:
            log.error("%s (%s)", advice, why)
        self._last = self._clock.now(), advice


def _advice(error: BaseException) -> str | None:
    if isinstance(error, asyncpg.DiskFullError):
        return _FULL
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return _READ_ONLY
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "")
        if name == "SQLITE_FULL":
            return _FULL_SQLITE
        if name.startswith("SQLITE_READONLY"):
            return _FORBIDDEN
    return None
