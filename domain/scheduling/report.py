"""What an executor tells about an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.scheduling.ids import TaskId
from domain.scheduling.task import TaskError
from domain.shared.json_value import JsonText


class ReportKind(StrEnum):
    """START: the handler begins. COMPLETE, FAIL: it ended. LOG: lines. STOPPED: an attempt that was to be stopped has
    stopped.
    RELEASE: given back unfinished.
    """

    START = "START"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    LOG = "LOG"
    STOPPED = "STOPPED"
    RELEASE = "RELEASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report about the attempt that `token` names. `lines` is a JSON array;

    `sequence` numbers the LOG reports of a lease.
    """

    task_id: TaskId
    token: int
    kind: ReportKind
    result: JsonText | None = None
    error: TaskError | None = None
    retryable: bool = True
    lines: JsonText | None = None
    sequence: int = 0
