"""The planner's loop: sleeps until the next fire is due, wakes when schedules change."""

from __future__ import annotations

from application.scheduling.planner import Planner
from application.shared.wake_up import PLANNER, WakeUp
from interfaces.loops.looper import Looper


def planner_loop(planner: Planner, wake_up: WakeUp) -> Looper:
    """Fires what is due."""
    return Looper("planner", planner.tick, wake_up, [PLANNER])
