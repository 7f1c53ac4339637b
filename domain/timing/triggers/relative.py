"""Where triggers begin whose times count from the activation of their job."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.timing.trigger import Trigger, TriggerState


def first_time(trigger: Trigger, initial_delay: timedelta, after: datetime, state: TriggerState) -> datetime:
    """Where a relative trigger begins; from `after` for a job that was never activated."""
    begin = after if state.since is None else state.since
    if trigger.start_at is not None and trigger.start_at > begin:
        begin = trigger.start_at
    return begin + initial_delay
