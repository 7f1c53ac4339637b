"""Names of the things this context knows."""

from __future__ import annotations

from typing import NewType
from uuid import UUID

JobId = NewType("JobId", UUID)
TaskId = NewType("TaskId", UUID)
RunId = NewType("RunId", UUID)
LaneId = NewType("LaneId", int)
ExecutorId = NewType("ExecutorId", str)
OccurrenceId = NewType("OccurrenceId", UUID)
BackfillId = NewType("BackfillId", UUID)
