"""The admitter's loop: sleeps until the next gate opens."""

from __future__ import annotations

from application.scheduling.admitter import Admitter
from application.shared.wake_up import OPENINGS, WakeUp
from interfaces.loops.looper import Looper


def admitter_loop(admitter: Admitter, wake_up: WakeUp) -> Looper:
    """Lets tasks into their lane when their time has come."""
    return Looper("admitter", admitter.tick, wake_up, [OPENINGS])
