"""The platform's own upkeep: what there is, how often it is done, and with what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from application.operations.shared_locks import SharedLocks
from application.operations.upkeep import Tally, Upkeep, Work, counted, piece_by_piece
from application.shared.repeats import Repeats
from bootstrap.settings import Settings
from domain.operations.operation import OperationTerms
from infrastructure.sql.engine import Store
from infrastructure.sql.history_retention import drop_old_history
from infrastructure.sql.operations.execution_retention import drop_old_executions
from infrastructure.sql.outbox_retention import drop_old_events
from infrastructure.sql.scheduling.cancelled_runs import forget_cancelled_runs
from infrastructure.sql.scheduling.history_partitions import keep_partitions_ahead
from infrastructure.sql.scheduling.retention import ATTEMPTS, BACKFILLS, EXECUTORS, LEDGER, LIMIT_KEYS, LOGS, ORPHANS
from infrastructure.sql.sweeping import Rows, sweep

LONG = timedelta(hours=1)
"""For what may have much to do the first time; what was not done by then is done the next time."""

RATES_FORGOTTEN = timedelta(days=32)
"""Longer than the longest window of a rate: whatever it was, it is full again."""

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def upkeep_of(settings: Settings, store: Store, repeats: Repeats, shared_locks: SharedLocks) -> Sequence[Upkeep]:
    """All operations."""
    kept = settings.retention

    async def partitions(tally: Tally) -> None:
        tally.add(len(await keep_partitions_ahead(store)))

    async def history(tally: Tally) -> None:
        await drop_old_history(store, kept.history, tally)

    async def executions(tally: Tally) -> None:
        await drop_old_executions(store, kept.executions, kept.executions_most, tally)

    def old(keep: timedelta, *rows: Rows) -> Work:
        async def work(tally: Tally) -> None:
            for each in rows:
                await sweep(store, each, keep, tally)

        return work

    return (
        _upkeep("history-partitions", "Make the partitions of the task history ahead of time.", 6 * HOUR, partitions),
        _upkeep("old-history", "Drop tasks that ended long ago, but for the latest of each job.", HOUR, history),
        _upkeep("old-attempts", "Drop attempts and late results of tasks that are not kept any more.", 6 * HOUR,
                old(kept.history, ATTEMPTS, ORPHANS)),
        _upkeep("old-logs", "Drop old log lines of tasks that have ended.", HOUR, old(kept.logs, LOGS)),
        _upkeep("old-ledger", "Drop old decisions about fires, but for the latest of each job.", HOUR,
                old(kept.ledger, LEDGER)),
        _upkeep("old-backfills", "Drop backfills that ended long ago.", 6 * HOUR, old(kept.backfills, BACKFILLS)),
        _upkeep("gone-executors", "Forget executors that have been offline for long.", HOUR,
                old(kept.executors, EXECUTORS)),
        _upkeep("unused-limits", "Forget keys of limits and rates that nothing has stood at for long.", 6 * HOUR,
                old(RATES_FORGOTTEN, LIMIT_KEYS)),
        _upkeep("cancelled-runs", "Forget that runs were cancelled of which nothing is kept any more.", 6 * HOUR,
                counted(partial(forget_cancelled_runs, store))),
        _upkeep("old-events", "Drop events that are old and that every sink has had.", 10 * MINUTE,
                counted(partial(drop_old_events, store, settings.keep_events))),
        _upkeep("old-requests", "Forget the answers to requests with an Idempotency-Key after a day.", HOUR,
                counted(repeats.forget)),
        _upkeep("expired-locks", "Remove shared locks whose holders let them expire.", 10 * MINUTE,
                piece_by_piece(shared_locks.forget_expired)),
        _upkeep("old-executions", "Drop old executions of operations.", HOUR, executions),
    )  # fmt: skip


def terms_of(upkeep: Sequence[Upkeep]) -> Sequence[OperationTerms]:
    """What is said of them, without the work."""
    return [each.terms for each in upkeep]


def _upkeep(name: str, description: str, every: timedelta, work: Work) -> Upkeep:
    return Upkeep(OperationTerms(name=name, description=description, every=every, timeout=LONG), work)
