"""The loop that brings the heartbeats which this node has heard to the store, once a second."""

from __future__ import annotations

from datetime import timedelta

from application.scheduling.beat_recorder import BeatRecorder
from application.shared.wake_up import WakeUp
from interfaces.loops.looper import Looper

EVERY = timedelta(seconds=1)


def heartbeats_loop(recorder: BeatRecorder, wake_up: WakeUp) -> Looper:
    """Runs wherever executors are heard."""

    async def tick() -> timedelta:
        await recorder.tick()
        return EVERY

    return Looper("heartbeats", tick, wake_up)
