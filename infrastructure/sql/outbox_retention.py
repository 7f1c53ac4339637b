"""Drops events that are old and that every sink has had."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from infrastructure.sql.engine import Store
from infrastructure.sql.notifications.sink_tables import sinks
from infrastructure.sql.scheduling.tables import outbox
from infrastructure.sql.unit_of_work import SqlUnitOfWork

log = logging.getLogger(__name__)

BATCH: Final = 500
"""Commits dropped in one transaction: whoever writes waits for none of it, in SQLite for a moment."""

HOPELESS: Final = 4
"""So many times later than others are dropped, events go that a sink has not had: it will not come back for them."""

_o, _s = outbox.c, sinks.c


async def drop_old_events(store: Store, keep: timedelta) -> int:
    """How many commits were dropped. The newest one stays: whoever follows can go on after it.

    A sink that loses events that way is told of in the log, and counts them. Raises `StoreUnavailable`.
    """
    dropped = 0
    while some := await _drop_some(store, keep):
        dropped += some
    return dropped


async def _drop_some(store: Store, keep: timedelta) -> int:
    async with SqlUnitOfWork(store, "notifications") as work:
        newest = sa.select(sa.func.max(_o.seq)).scalar_subquery()
        oldest = sa.select(_o.seq, _o.at).where(_o.seq < newest).order_by(_o.seq).limit(BATCH)
        rows = (await work.execute(oldest)).all()
        behind = {row.name: row.seq for row in await work.execute(sa.select(_s.name, _s.seq))}
        slowest = min(behind.values(), default=None)
        old, hopeless = work.now - keep, work.now - HOPELESS * keep
        gone = [r.seq for r in rows if r.at < old and (slowest is None or r.seq < slowest or r.at < hopeless)]
        if not gone:
            return 0
        for name, position in behind.items():
            if lost := sum(seq > position for seq in gone):
                log.error("the sink %s is so late that %d commits were dropped before it had their events", name, lost)
                await work.execute(sa.update(sinks).where(_s.name == name).values(lost=_s.lost + lost))
        await work.execute(sa.delete(outbox).where(_o.seq <= max(gone), _o.seq.in_(gone)))
        await work.commit()
        return len(gone)
