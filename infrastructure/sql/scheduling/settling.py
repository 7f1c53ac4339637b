"""Settlements as relations: those that end a task for good, and those after which it stays alive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.priority import Priority, rank
from domain.scheduling.settlement import EVENT_OF, Settlement
from domain.scheduling.task_status import TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation
from infrastructure.sql.scheduling.task_changes import Columns, word
from infrastructure.sql.scheduling.task_rows import encode_error, ending
from infrastructure.sql.types import Instant, JsonText

_LOWEST: Final = Priority(1)
_COMMON: Final = {
    "id": sa.Uuid, "token": sa.BigInteger, "status": sa.Text, "event": sa.Text, "result": JsonText,
    "error": JsonText, "error_code": sa.Text, "lost": sa.SmallInteger,
}  # fmt: skip
_COMPLETED: Final = Relation("e", id=sa.Uuid, token=sa.BigInteger, result=JsonText)
_ENDED: Final = Relation("e", **_COMMON)
KEPT: Final = Relation(
    "k",
    **_COMMON,
    ready_at=Instant,
    lowest_rank=sa.BigInteger,
    stopping_until=Instant,
    ending=sa.Text,
    snoozed=sa.SmallInteger,
)


class Ends(Enum):
    """What ends for good. When all are completed, which is the rule, less has to be said of each."""

    NONE = "NONE"
    COMPLETED = "COMPLETED"
    ANY = "ANY"


def end_columns(dialect: DialectName, ends: Ends) -> Columns:
    """What is known of those that end for good."""
    if ends is Ends.ANY:
        return dict(_ENDED.source(dialect).c)
    fixed: dict[str, Any] = {name: sa.cast(sa.null(), type_) for name, type_ in _COMMON.items()}
    fixed |= {"status": word(TaskStatus.COMPLETED), "event": word(EVENT_OF[TaskStatus.COMPLETED])}
    return fixed | dict(_COMPLETED.source(dialect).c)


@dataclass(frozen=True, slots=True)
class Settlements:
    """Each lease once, ordered by task, so that two that settle the same never wait for each other in a circle."""

    ended: Sequence[Settlement]
    kept: Sequence[Settlement]

    @classmethod
    def of(cls, settlements: Iterable[Settlement]) -> Settlements:
        """The first settlement of each lease counts."""
        first: dict[tuple[TaskId, int], Settlement] = {}
        for each in settlements:
            first.setdefault((each.task_id, each.token), each)
        ordered = sorted(first.values(), key=lambda each: each.task_id)
        return cls([s for s in ordered if _leaves(s)], [s for s in ordered if not _leaves(s)])

    @property
    def ends(self) -> Ends:
        """Which of the forms `ended_parameters` have."""
        if not self.ended:
            return Ends.NONE
        return Ends.COMPLETED if all(s.status is TaskStatus.COMPLETED for s in self.ended) else Ends.ANY

    def ended_parameters(self, dialect: DialectName) -> dict[str, object]:
        """For `end_columns` of `ends`."""
        if self.ends is Ends.COMPLETED:
            return _COMPLETED.bind(dialect, [(s.task_id, s.token, s.result) for s in self.ended])
        return _ENDED.bind(dialect, [_common(s) for s in self.ended]) if self.ended else {}

    def kept_parameters(self, dialect: DialectName) -> dict[str, object]:
        """For `KEPT`."""
        return KEPT.bind(dialect, [(*_common(s), *_staying(s)) for s in self.kept]) if self.kept else {}


def session_parameters(session: Session | None) -> Mapping[str, object]:
    """For the fence; without a session any holder will do."""
    if session is None:
        return {"b_executor": None, "b_epoch": None}
    return {"b_executor": session.executor_id, "b_epoch": session.epoch}


def error_code(settlement: Settlement) -> str | None:
    """As a column of its own: a NUL, which JSON text can spell, has no place there."""
    return None if settlement.error is None else settlement.error.code.replace("\0", "")


def _leaves(settlement: Settlement) -> bool:
    return settlement.status.is_final and settlement.stopping_until is None


def _common(s: Settlement) -> tuple[object, ...]:
    event, error = EVENT_OF[s.status], encode_error(s.error)
    return s.task_id, s.token, s.status.value, event, s.result, error, error_code(s), s.lost


def _staying(s: Settlement) -> tuple[object, ...]:
    lowest = None if s.ready_at is None else rank(s.ready_at, _LOWEST)
    return s.ready_at, lowest, s.stopping_until, ending(s.status, s.error.code if s.error else None), s.snoozed
