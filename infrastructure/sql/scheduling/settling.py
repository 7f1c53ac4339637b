"""Settlements as relations: those that end a task for good, and those after which it stays alive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.priority import Priority, rank
from domain.scheduling.settlement import EVENT_OF, Settlement
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation
from infrastructure.sql.scheduling.task_rows import encode_error, ending
from infrastructure.sql.types import Instant, JsonText

_LOWEST: Final = Priority(1)
_COMMON: Final = {
    "id": sa.Uuid, "token": sa.BigInteger, "status": sa.Text, "event": sa.Text, "result": JsonText,
    "error": JsonText, "error_code": sa.Text, "lost": sa.SmallInteger,
}  # fmt: skip

ENDED: Final = Relation("e", **_COMMON)
KEPT: Final = Relation(
    "k", **_COMMON, ready_at=Instant, lowest_rank=sa.BigInteger, stopping_until=Instant, ending=sa.Text
)
ENDED_COLUMNS: Final = tuple(_COMMON)
KEPT_COLUMNS: Final = (*_COMMON, "ready_at", "lowest_rank", "stopping_until", "ending")


@dataclass(frozen=True, slots=True)
class Settlements:
    """Rows for the two relations, ordered by task so that two callers never wait for each other."""

    ended: Sequence[tuple[object, ...]]
    kept: Sequence[tuple[object, ...]]

    @classmethod
    def of(cls, settlements: Iterable[Settlement]) -> Settlements:
        """The first settlement of each lease counts."""
        first: dict[tuple[TaskId, int], Settlement] = {}
        for each in settlements:
            first.setdefault((each.task_id, each.token), each)
        ordered = sorted(first.values(), key=lambda each: each.task_id)
        return cls(
            ended=[_common(each) for each in ordered if _leaves(each)],
            kept=[(*_common(each), *_staying(each)) for each in ordered if not _leaves(each)],
        )

    def parameters(self, dialect: DialectName) -> dict[str, object]:
        """For a statement with those of the two relations that have rows."""
        return (ENDED.bind(dialect, self.ended) if self.ended else {}) | (
            KEPT.bind(dialect, self.kept) if self.kept else {}
        )


def session_parameters(session: Session | None) -> Mapping[str, object]:
    """For the fence; without a session any holder will do."""
    if session is None:
        return {"b_executor": None, "b_epoch": None}
    return {"b_executor": session.executor_id, "b_epoch": session.epoch}


def _leaves(settlement: Settlement) -> bool:
    return settlement.status.is_final and settlement.stopping_until is None


def _common(s: Settlement) -> tuple[object, ...]:
    # A NUL, which JSON text can spell, has no place in a column of its own.
    code = None if s.error is None else s.error.code.replace("\0", "")
    return s.task_id, s.token, s.status.value, EVENT_OF[s.status], s.result, encode_error(s.error), code, s.lost


def _staying(s: Settlement) -> tuple[object, ...]:
    lowest = None if s.ready_at is None else rank(s.ready_at, _LOWEST)
    return s.ready_at, lowest, s.stopping_until, ending(s.status, s.error.code if s.error else None)
