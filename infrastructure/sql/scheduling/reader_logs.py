"""Logs of tasks, line by line in the order they were written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa

from application.scheduling.queries import Slice
from application.scheduling.views import LogLineView
from application.shared.page import Page
from domain.scheduling.errors import TaskNotFound
from domain.shared.ids import TenantId
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.scheduling.reading import Reading
from infrastructure.sql.scheduling.task_tables import task_history, task_logs, tasks

_BATCHES_AT_ONCE = 16
"""A batch is what an executor sent in one report, usually some dozen lines, at most a thousand."""

Place = tuple[int, int, int]
"""Token, sequence of a batch, and how many lines of that batch have been given."""
_START: Place = (0, 0, 0)


class _Line(msgspec.Struct, frozen=True):
    at: datetime
    message: str
    level: str = "INFO"
    stream: str | None = None


_lines = msgspec.json.Decoder(list[_Line]).decode


class LogReading(Reading):
    """The part of the reader that knows logs. Attempts follow each other because a later one has a higher token."""

    async def log(self, tenant: TenantId, task_id: UUID, levels: Sequence[str], page: Slice) -> Page[LogLineView]:
        cursors = Cursors[Place]("log", (task_id, sorted(levels)), tuple[int, int, int])
        place = _START if page.cursor is None else cursors.position(page.cursor)
        await self._require_task(tenant, task_id)
        found: list[LogLineView] = []
        while len(found) < page.limit:
            batches = await self._batches(task_id, place)
            for token, sequence, attempt, text in batches:
                given = place[2] if (token, sequence) == place[:2] else 0
                for line in _lines(text)[given:]:
                    given += 1
                    if not levels or line.level in levels:
                        found.append(_view(line, attempt))
                        if len(found) == page.limit:
                            break
                place = (token, sequence, given)
                if len(found) == page.limit:
                    break
            if len(batches) < _BATCHES_AT_ONCE:
                break
        return Page(items=found, next_cursor=cursors.at(place))

    async def _batches(self, task_id: UUID, place: Place) -> Sequence[tuple[int, int, int, str]]:
        log = task_logs.c
        rows = await self._all(
            sa.select(log.token, log.sequence, log.attempt, log.lines)
            .where(log.task_id == task_id, sa.tuple_(log.token, log.sequence) >= sa.tuple_(*place[:2]))
            .order_by(log.token, log.sequence)
            .limit(_BATCHES_AT_ONCE)
        )
        return [(row.token, row.sequence, row.attempt, row.lines) for row in rows]

    async def _require_task(self, tenant: TenantId, task_id: UUID) -> None:
        found = await self._first(
            sa.union_all(
                *(
                    sa.select(table.c.id).where(table.c.id == task_id, table.c.tenant == tenant)
                    for table in (tasks, task_history)
                )
            )
        )
        if found is None:
            raise TaskNotFound(task_id)


def _view(line: _Line, attempt: int) -> LogLineView:
    return LogLineView(at=line.at, attempt=attempt, level=line.level, stream=line.stream, message=line.message)
