"""What happens to backfills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from domain.scheduling.ids import BackfillId, JobId
from domain.shared.events import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillEvent(DomainEvent):
    """`fired` tasks have been created so far, `passed` times had fired already."""

    backfill_id: BackfillId
    job_id: JobId
    job_name: str
    fired: int
    passed: int
    reason: str | None = None


class BackfillStarted(BackfillEvent):
    __slots__ = ()
    type: ClassVar[str] = "BackfillStarted"


class BackfillPaused(BackfillEvent):
    __slots__ = ()
    type: ClassVar[str] = "BackfillPaused"


class BackfillResumed(BackfillEvent):
    __slots__ = ()
    type: ClassVar[str] = "BackfillResumed"


class BackfillCompleted(BackfillEvent):
    __slots__ = ()
    type: ClassVar[str] = "BackfillCompleted"


class BackfillCancelled(BackfillEvent):
    __slots__ = ()
    type: ClassVar[str] = "BackfillCancelled"
