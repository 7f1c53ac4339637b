"""One hint for all commits of a moment."""

from __future__ import annotations

import asyncio
from typing import Final

from application.shared.wake_up import OUTBOX, WakeUp

LULL: Final = 0.02
"""Seconds; what is committed meanwhile goes with it."""


class CommitHint:
    """To be called after each commit; costs next to nothing."""

    def __init__(self, wake_up: WakeUp) -> None:
        self._wake_up = wake_up
        self._owed = False

    def __call__(self) -> None:
        if not self._owed:
            self._owed = True
            asyncio.get_running_loop().call_later(LULL, self._tell)

    def _tell(self) -> None:
        self._owed = False
        self._wake_up.signal(OUTBOX)
