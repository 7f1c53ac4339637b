"""What follows from the server's answers to reports."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from scheduler_sdk.execution.attempt import Ending
from scheduler_sdk.execution.outbox import Batch, Outbox
from scheduler_sdk.execution.slots import Slots
from scheduler_sdk.wire import ErrorDetail, Outcome, Report

logger = logging.getLogger("scheduler_sdk")


def heed(batch: Batch, outcomes: Sequence[Outcome], slots: Slots, outbox: Outbox) -> None:
    """Go through the outcomes of a batch that is settled; all but a few say that all is well."""
    for (attempt, kind, _), outcome in zip(batch, outcomes, strict=False):
        if outcome.outcome in ("APPLIED", "ALREADY"):
            continue
        item = attempt.item
        if outcome.outcome == "LEASE_LOST":
            slots.stop(item.token, Ending.SILENT, "its lease is lost")
            if kind in ("COMPLETE", "FAIL"):
                logger.warning("task %s of job %s ended too late: its lease is lost", item.task_id, item.job_name)
            continue
        reason = outcome.problem or "without a reason"
        logger.error("the server does not accept a %s report of task %s: %s", kind, item.task_id, reason)
        if kind == "COMPLETE":  # the lease is still ours: let the task end with the reason, rather than by a time-out
            error = ErrorDetail("RESULT_REFUSED", f"the server does not accept the result: {reason}")
            outbox.put(attempt, Report(item.task_id, item.token, "FAIL", error=error, retryable=False))
