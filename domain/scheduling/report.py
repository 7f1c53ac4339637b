"""What an executor tells about an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.scheduling.ids import TaskId
from domain.scheduling.task import TaskError
from domain.shared.json_value import JsonText


class ReportKind(StrEnum):
    """START: the handler begins. COMPLETE, FAIL: it ended. SNOOZE: it wants to be called again later. CANCEL: it says
    that there is nothing to do. LOG: lines. PROGRESS, CHECKPOINT: how far it is, and from where another could go on.
    STOPPED: an attempt that was to be stopped has stopped. RELEASE: given back unfinished.
    """

    START = "START"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    SNOOZE = "SNOOZE"
    CANCEL = "CANCEL"
    LOG = "LOG"
    PROGRESS = "PROGRESS"
    CHECKPOINT = "CHECKPOINT"
    STOPPED = "STOPPED"
    RELEASE = "RELEASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report about the attempt that `token` names. `lines` is a JSON array;

    `sequence` numbers the LOG reports of a lease. `retry_after`: the wait of a SNOOZE, and of a FAIL that knows better
    than its job's retry policy. `message`: why, of SNOOZE and CANCEL; what is being
    done, of PROGRESS.
    """

    task_id: TaskId
    token: int
    kind: ReportKind
    result: JsonText | None = None
    error: TaskError | None = None
    retryable: bool = True
    lines: JsonText | None = None
    sequence: int = 0
    message: str | None = None
    retry_after: timedelta | None = None
    progress: float | None = None
    checkpoint: JsonText | None = None
