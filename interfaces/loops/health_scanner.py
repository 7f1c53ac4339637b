"""The health scanner's loop: a bounded look every quarter of a minute."""

from __future__ import annotations

from application.scheduling.health_scanner import EVERY, HealthScanner
from application.shared.wake_up import WakeUp
from interfaces.loops.looper import Looper


def health_scanner_loop(scanner: HealthScanner, wake_up: WakeUp) -> Looper:
    """Finds schedules that do not do what they should."""
    return Looper("health-scanner", scanner.tick, wake_up, recheck=EVERY)
