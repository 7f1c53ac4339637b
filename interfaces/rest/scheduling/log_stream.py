"""Following a log: lines as they come, until the task has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum

import msgspec

from application.scheduling.queries import SchedulingReader, Slice
from application.scheduling.views import LogLineView
from application.shared.draining import Draining
from application.shared.page import Page
from application.shared.wake_up import DRAIN, WakeUp, task_topic
from domain.scheduling.ids import TaskId
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import TenantId

NDJSON = "application/x-ndjson"

RECHECK_SECONDS = 5.0
"""How long it sleeps at most before it looks by itself: a hint may have been lost."""

_LINES = 200


class LogLevel(StrEnum):
    """How much a line matters."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class FollowedLine(LogLineView, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a stream. Where `cursor` is given, the log can be read on after this line."""

    cursor: str | None = None


class LogStream:
    """One follower of one log. An empty line is a sign of life."""

    def __init__(
        self,
        reader: SchedulingReader,
        wake_up: WakeUp,
        draining: Draining,
        tenant: TenantId,
        task_id: TaskId,
        levels: Sequence[str],
    ) -> None:
        self._reader = reader
        self._wake_up = wake_up
        self._draining = draining
        self._tenant = tenant
        self._task_id = task_id
        self._levels = levels

    async def open(self, cursor: str | None) -> AsyncIterator[bytes]:
        """The lines after `cursor`. Raises `TaskNotFound` and `Invalid` now, while a status can still be answered."""
        return self._lines(await self._ended(), await self._page(cursor))

    async def _lines(self, ended: bool, page: Page[LogLineView]) -> AsyncIterator[bytes]:
        with self._wake_up.listen([task_topic(self._task_id), DRAIN]) as listener:
            while True:
                if page.items:
                    yield _encoded(page)
                if len(page.items) < _LINES:
                    if ended or self._draining.is_on:
                        return
                    if not await listener.wait(RECHECK_SECONDS):
                        yield b"\n"
                # Its end first, then its lines: what it wrote until then is read before the stream ends.
                ended = await self._ended()
                page = await self._page(page.next_cursor)

    async def _ended(self) -> bool:
        task = await self._reader.task(self._tenant, self._task_id)
        return TaskStatus(task.status).is_final and not task.stopping

    async def _page(self, cursor: str | None) -> Page[LogLineView]:
        return await self._reader.log(self._tenant, self._task_id, self._levels, Slice(limit=_LINES, cursor=cursor))


def _encoded(page: Page[LogLineView]) -> bytes:
    """One JSON object a line; the last one carries the cursor of the page."""
    *lines, last = page.items
    marked = FollowedLine(**msgspec.structs.asdict(last), cursor=page.next_cursor)
    return b"".join(msgspec.json.encode(line) + b"\n" for line in (*lines, marked))
