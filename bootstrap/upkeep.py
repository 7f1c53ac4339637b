"""The platform's own upkeep: what there is, how often it is done, and with what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from application.operations.shared_locks import SharedLocks
from application.operations.upkeep import Tally, Upkeep, counted, piece_by_piece
from application.shared.repeats import Repeats
from bootstrap.settings import Settings
from domain.operations.operation import OperationTerms
from infrastructure.sql.engine import Store
from infrastructure.sql.outbox_retention import drop_old_events
from infrastructure.sql.scheduling.cancelled_runs import forget_cancelled_runs
from infrastructure.sql.scheduling.history_partitions import keep_partitions_ahead


def upkeep_of(settings: Settings, store: Store, repeats: Repeats, shared_locks: SharedLocks) -> Sequence[Upkeep]:
    """All operations."""

    async def partitions(tally: Tally) -> None:
        tally.add(len(await keep_partitions_ahead(store)))

    return (
        Upkeep(
            OperationTerms(
                name="history-partitions",
                description="Make the partitions of the task history for the days to come.",
                every=timedelta(hours=6),
            ),
            partitions,
        ),
        Upkeep(
            OperationTerms(
                name="old-events",
                description="Drop events that are old and that every sink has had.",
                every=timedelta(minutes=10),
            ),
            counted(partial(drop_old_events, store, settings.keep_events)),
        ),
        Upkeep(
            OperationTerms(
                name="cancelled-runs",
                description="Forget that runs were cancelled of which nothing is left that could go on.",
                every=timedelta(hours=6),
            ),
            counted(partial(forget_cancelled_runs, store)),
        ),
        Upkeep(
            OperationTerms(
                name="old-requests",
                description="Forget the answers to requests with an Idempotency-Key that are older than a day.",
                every=timedelta(hours=1),
            ),
            counted(repeats.forget),
        ),
        Upkeep(
            OperationTerms(
                name="expired-locks",
                description="Remove shared locks whose holders let them expire.",
                every=timedelta(minutes=10),
            ),
            piece_by_piece(shared_locks.forget_expired),
        ),
    )


def terms_of(upkeep: Sequence[Upkeep]) -> Sequence[OperationTerms]:
    """What is said of them, without the work."""
    return [each.terms for each in upkeep]
