"""This machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime

from application.shared.clock import Clock


class SystemClock(Clock):
    """UTC, to the microsecond."""

    def now(self) -> datetime:
        return datetime.now(UTC)
