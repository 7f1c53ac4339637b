"""Whether this process is about to stop."""

from __future__ import annotations

from application.shared.wake_up import DRAIN, WakeUp


class Draining:
    """Once on, whoever waits comes back empty-handed, so that the process can stop soon."""

    def __init__(self, wake_up: WakeUp) -> None:
        self._wake_up = wake_up
        self.is_on = False

    def begin(self) -> None:
        """From now on nobody starts to wait; those who do wait are woken."""
        self.is_on = True
        self._wake_up.signal(DRAIN)
