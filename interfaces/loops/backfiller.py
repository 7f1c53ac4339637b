"""The backfiller's loop: sleeps until a backfill may go on."""

from __future__ import annotations

from datetime import timedelta

from application.scheduling.backfiller import Backfiller
from application.shared.wake_up import BACKFILLS, WakeUp
from interfaces.loops.looper import Looper

REST = timedelta(milliseconds=50)
"""Between two rounds, so that however fast a backfill may go, normal work comes in between."""


def backfiller_loop(backfiller: Backfiller, wake_up: WakeUp) -> Looper:
    """Makes up for fires that somebody wants to have had."""
    return Looper("backfiller", backfiller.tick, wake_up, [BACKFILLS], rest=REST)
