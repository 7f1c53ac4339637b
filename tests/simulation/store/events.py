"""Events as they stand in the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.scheduling.settlement import EVENT_OF, Settlement
from domain.shared.events import DomainEvent
from infrastructure.sql.outbox import encode_events
from tests.simulation.store.database import Event
from tests.simulation.store.rows import TaskRow


def told(events: Iterable[DomainEvent]) -> list[Event]:
    """What aggregates and use cases have recorded."""
    found: list[Event] = msgspec.json.decode(encode_events(events))
    return found


def of_end(row: TaskRow, end: Settlement, now: datetime) -> Event:
    """What the store says itself: the attempt of a task, as it was before, has ended so."""
    return {
        "type": EVENT_OF[end.status],
        "occurredAt": now.isoformat(),
        "taskId": str(row.id),
        "jobId": str(row.job_id),
        "jobName": row.job_name,
        "attempt": row.attempt,
        "executorId": row.holder.executor_id if row.holder else None,
        "errorCode": end.error.code.replace("\0", "") if end.error else None,
    }
