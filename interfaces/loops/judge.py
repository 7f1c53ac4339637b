"""The judge's loop: wakes when something has ended that others depend on."""

from __future__ import annotations

from datetime import timedelta

from application.scheduling.judge import Judge
from application.shared.wake_up import WakeUp
from interfaces.loops.looper import Looper

REST = timedelta(milliseconds=5)
"""Ends come in batches: a moment's patience judges more of them at once."""


def judge_loop(judge: Judge, wake_up: WakeUp) -> Looper:
    """Lets go on what depends on others."""
    return Looper("judge", judge.tick, wake_up, judge.topics, rest=REST)
