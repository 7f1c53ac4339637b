"""Where a follower of a log stands, so that a connection that drops costs neither a line nor a double."""

from __future__ import annotations

from typing import cast

import msgspec

from scheduler_sdk.client_calls import Call, list_log_lines, with_query
from scheduler_sdk.shapes import LogLine, Page, Task

_ENDED = frozenset({"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "SKIPPED"})


class FollowedLog:
    """The place reached in a task's log. It resumes after the last line's cursor, or counts lines that carry none."""

    def __init__(self, task_id: str, level: str | None) -> None:
        self._call = with_query(list_log_lines(task_id, level), follow="true")
        self._cursor: str | None = None
        self._since_cursor = 0
        self._to_skip = 0

    def connect(self) -> Call[Page[LogLine]]:
        """The call that continues the stream; its answer is one JSON object a line."""
        self._to_skip = self._since_cursor
        return with_query(self._call, cursor=self._cursor)

    def accept(self, text: str) -> LogLine | None:
        """The line that `text` holds, or None when it was seen before or is a sign of life only."""
        if not text.strip():
            return None
        if self._to_skip:
            self._to_skip -= 1
            return None
        line = cast(LogLine, msgspec.json.decode(text))
        cursor = line.get("cursor")
        if cursor is None:
            self._since_cursor += 1
        else:
            self._cursor, self._since_cursor = cursor, 0
        return line


def has_ended(task: Task) -> bool:
    """True once nothing more can be written; a stream that ended before was cut by the server's own end."""
    return task.get("status") in _ENDED and not task.get("stopping")
