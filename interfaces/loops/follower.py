"""The follower's loop: wakes when a run ends that a schedule waits for."""

from __future__ import annotations

from datetime import timedelta

from application.scheduling.follower import Follower
from application.shared.wake_up import WakeUp
from interfaces.loops.looper import Looper

REST = timedelta(milliseconds=50)
"""Runs that only write to their logs wake it, too; half of the shortest delay there is."""


def follower_loop(follower: Follower, wake_up: WakeUp) -> Looper:
    """Lets jobs with a fixed delay go on."""
    return Looper("follower", follower.tick, wake_up, follower.topics, rest=REST)
