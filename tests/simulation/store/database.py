"""Committed rows, locks on them, and the transactions that change them.

A statement sees what is committed when it runs, and what its own transaction has written. It is done at once; before
and after it others have their turn. A row that is written or locked stays so until the transaction ends; a statement
that needs it waits, and then runs anew on what is true by then. Unique keys are rows, so whoever inserts one waits for
those who are about to insert the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from application.shared.errors import StoreUnavailable
from tests.simulation.loop import Process, current_process

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")

LOCK_TIMEOUT = 10.0
"""Seconds; as long as the platform lets PostgreSQL wait for a lock."""

Written = dict[Hashable, Any]
Event = Mapping[str, Any]
"""As it stands in the outbox."""


class KeyTaken(Exception):
    """There is a row with this key."""

    def __init__(self, table: str, key: Hashable) -> None:
        super().__init__(f"{table} {key}")
        self.table, self.key = table, key


class _Held(Exception):
    """A statement needs a row that another transaction has locked."""

    def __init__(self, by: Transaction) -> None:
        self.by = by


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What a transaction has changed: by table and key the value before and after, None = no row; and its events."""

    number: int
    began: datetime
    at: datetime
    changes: Mapping[str, Mapping[Hashable, tuple[Any, Any]]]
    events: Sequence[Event]


class Weather:
    """What may happen on the way to the store and back. Here nothing does; whoever simulates faults overrides it."""

    async def before(self) -> None:
        """Before a statement or commit takes effect. May raise `StoreUnavailable`: then it does not."""

    async def after(self) -> None:
        """After it has. May raise `StoreUnavailable`: the answer is lost."""

    async def after_commit(self) -> None:
        """Like `after`, of a commit."""
        await self.after()


class Database:
    """`now` is its clock. `watchers` see each commit at the moment at which it becomes true for all."""

    def __init__(self, now: Callable[[], datetime], weather: Weather | None = None) -> None:
        self.now = now
        self.weather = weather or Weather()
        self.committed: dict[str, Written] = {}
        self.locks: dict[tuple[str, Hashable], Transaction] = {}
        self.watchers: list[Callable[[Commit], None]] = []
        self.outbox: list[Sequence[Event]] = []
        self.last_token = 0
        self.last_lane = 0
        self.commits = 0
        self._open: dict[Transaction, None] = {}

    def begin(self) -> Transaction:
        transaction = Transaction(self)
        self._open[transaction] = None
        return transaction

    def disconnect(self, process: Process | None = None) -> None:
        """Undo whatever the process, or everybody, has open."""
        for transaction in list(self._open):
            if process is None or transaction.process is process:
                transaction.undo()

    def rows(self, table: str) -> list[Any]:
        """What is committed."""
        return list(self.committed.get(table, {}).values())

    def over(self, transaction: Transaction) -> None:
        """It holds nothing any more."""
        self._open.pop(transaction, None)


class Transaction:
    """Undone unless committed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.process = current_process()
        self.began = database.now()
        self.events: list[Event] = []
        self.is_over = False
        self.writes: dict[str, Written] = {}
        self._locked: list[tuple[str, Hashable]] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._waits_for: Transaction | None = None

    def __hash__(self) -> int:
        return id(self)

    async def run(self, statement: Callable[[], T]) -> T:
        """Raises `StoreUnavailable`, after which the transaction is undone, like any other error of the store."""
        try:
            self._require_open()
            await self.database.weather.before()
            answer = await self._execute(statement)
            await self.database.weather.after()
            self._require_open()
        except StoreUnavailable:
            self.undo()
            raise
        return answer

    async def _execute(self, statement: Callable[[], T]) -> T:
        while True:
            self._require_open()
            before, told = {table: dict(rows) for table, rows in self.writes.items()}, len(self.events)
            try:
                return statement()
            except _Held as held:
                self.writes, self.events = before, self.events[:told]
                await self._wait_for(held.by)
            except BaseException:
                self.writes, self.events = before, self.events[:told]
                raise

    async def _wait_for(self, other: Transaction) -> None:
        ahead: Transaction | None = other
        while ahead is not None:
            if ahead is self:
                raise StoreUnavailable("too busy: deadlock detected")
            ahead = ahead._waits_for
        ended = asyncio.get_running_loop().create_future()
        other._waiters.append(ended)
        self._waits_for = other
        try:
            async with asyncio.timeout(LOCK_TIMEOUT):
                await ended
        except TimeoutError:
            raise StoreUnavailable("too busy: canceling statement due to lock timeout") from None
        finally:
            self._waits_for = None

    async def commit(self) -> None:
        """Raises `StoreUnavailable`, maybe after it took effect."""
        try:
            self._require_open()
            await self.database.weather.before()
            self._require_open()
        except StoreUnavailable:
            self.undo()
            raise
        self.apply()
        await self.database.weather.after_commit()

    def apply(self) -> None:
        """From here on it is true for all."""
        database = self.database
        database.commits += 1
        changes: dict[str, dict[Hashable, tuple[Any, Any]]] = {}
        for table, rows in self.writes.items():
            stored = database.committed.setdefault(table, {})
            changed = changes.setdefault(table, {})
            for key, value in rows.items():
                changed[key] = stored.get(key), value
                if value is None:
                    stored.pop(key, None)
                else:
                    stored[key] = value
        commit = Commit(
            number=database.commits, began=self.began, at=database.now(), changes=changes, events=self.events
        )
        self.undo()
        if self.events:
            database.outbox.append(self.events)
        for watcher in database.watchers:
            watcher(commit)

    def undo(self) -> None:
        """Let go of everything."""
        if self.is_over:
            return
        self.is_over = True
        self.writes = {}
        for key in self._locked:
            del self.database.locks[key]
        self._locked = []
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.database.over(self)

    def _require_open(self) -> None:
        if self.is_over:
            raise StoreUnavailable("connection is closed")

    def lock(self, table: str, key: Hashable) -> None:
        """For statements: keep others from it, once they have let go."""
        holder = self.database.locks.get((table, key))
        if holder is self:
            return
        if holder is not None:
            raise _Held(holder)
        self.database.locks[table, key] = self
        self._locked.append((table, key))

    def is_free(self, table: str, key: Hashable) -> bool:
        return self.database.locks.get((table, key), self) is self


class Table(Generic[K, V]):
    """The rows of a table as one transaction sees and changes them; for statements only."""

    def __init__(self, transaction: Transaction, name: str) -> None:
        self._transaction, self._name = transaction, name

    def get(self, key: K) -> V | None:
        written = self._transaction.writes.get(self._name)
        if written is not None and key in written:
            own: V | None = written[key]
            return own
        found: V | None = self._transaction.database.committed.get(self._name, {}).get(key)
        return found

    def rows(self) -> list[V]:
        """Without locks."""
        return [value for _, value in self.items()]

    def items(self) -> list[tuple[K, V]]:
        """The same, with their keys."""
        stored: dict[Any, Any] = self._transaction.database.committed.get(self._name, {})
        written = self._transaction.writes.get(self._name)
        merged = {**stored, **written} if written else stored
        return [(key, value) for key, value in merged.items() if value is not None]

    def is_free(self, key: K) -> bool:
        """Whether no other transaction has locked it."""
        return self._transaction.is_free(self._name, key)

    def lock(self, key: K) -> V | None:
        """FOR UPDATE: wait for whoever has it, and keep it."""
        self._transaction.lock(self._name, key)
        return self.get(key)

    def put(self, key: K, value: V) -> None:
        self._transaction.lock(self._name, key)
        self._transaction.writes.setdefault(self._name, {})[key] = value

    def insert(self, key: K, value: V) -> None:
        """Raises `KeyTaken`."""
        self._transaction.lock(self._name, key)
        if self.get(key) is not None:
            raise KeyTaken(self._name, key)
        self._transaction.writes.setdefault(self._name, {})[key] = value

    def remove(self, key: K) -> None:
        self._transaction.lock(self._name, key)
        self._transaction.writes.setdefault(self._name, {})[key] = None
