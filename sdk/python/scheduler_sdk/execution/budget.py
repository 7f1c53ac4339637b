"""How much an attempt may write to the log of its task."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutputLimit:
    """The lines, and the bytes of UTF-8, that one attempt may log."""

    lines: int = 10_000
    bytes: int = 1024 * 1024


class OutputBudget:
    """What is left of an attempt's limit. Once something did not fit, all that follows is dropped, and counted."""

    __slots__ = ("_limit", "bytes", "dropped_bytes", "dropped_lines", "lines", "spent")

    def __init__(self, limit: OutputLimit) -> None:
        self._limit = limit
        self.lines = 0
        self.bytes = 0
        self.spent = False
        self.dropped_lines = 0
        self.dropped_bytes = 0

    def admit(self, size: int) -> bool:
        """Whether a line of `size` bytes may be logged."""
        if not self.spent and self.lines < self._limit.lines and self.bytes + size <= self._limit.bytes:
            self.lines += 1
            self.bytes += size
            return True
        self.spent = True
        self.drop(1, size + 1)  # and its end
        return False

    def drop(self, lines: int, size: int) -> None:
        self.dropped_lines += lines
        self.dropped_bytes += size

    def remark(self) -> str | None:
        """What to tell the reader of the log, if anything was dropped."""
        if not self.spent:
            return None
        return (
            f"the log of an attempt is limited to {self._limit.lines:,} lines and {self._limit.bytes:,} bytes: "
            f"{self.dropped_lines:,} more lines ({self.dropped_bytes:,} bytes) were dropped"
        )
