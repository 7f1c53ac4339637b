"""The outbox relay's loop: woken by commits, and every two seconds by itself."""

from __future__ import annotations

from datetime import timedelta

from application.notifications.outbox_relay import RECHECK, OutboxRelay
from application.shared.wake_up import OUTBOX, WakeUp
from interfaces.loops.looper import Looper

REST = timedelta(milliseconds=20)
"""Under load there are commits all the time; carried together they cost less."""


def outbox_relay_loop(relay: OutboxRelay, wake_up: WakeUp) -> Looper:
    """Carries events to sinks."""
    return Looper("outbox-relay", relay.tick, wake_up, [OUTBOX], recheck=RECHECK, rest=REST)
