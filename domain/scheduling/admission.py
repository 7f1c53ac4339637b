"""Who of those that wait at a limit may go: decided one by one, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.scheduling.ids import LaneId, TaskId
from domain.scheduling.rate import RateTerms, RateUse
from domain.scheduling.task_status import Gate


class KeyKind(StrEnum):
    """What a key counts: slots, starts, turns."""

    SLOT = "SLOT"
    RATE = "RATE"
    TURN = "TURN"


@dataclass(frozen=True, slots=True, order=True)
class LimitKey:
    """A key as the store has it; a TURN belongs to a lane, the others to a tenant."""

    kind: KeyKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A task that waits at a limit, and what it needs: each None if it does not.

    `most` tasks with its slot key may be on their way at a time, `window` with its turn key may stand in the queue.
    `held`: it is a fire that waits for its turn, and its job is paused.
    """

    task_id: TaskId
    lane: LaneId
    priority: int
    slot: LimitKey | None = None
    most: int = 0
    turn: LimitKey | None = None
    window: int = 0
    rate: LimitKey | None = None
    terms: RateTerms | None = None
    held: bool = False

    @property
    def keys(self) -> frozenset[LimitKey]:
        """All that it needs."""
        return frozenset(key for key in (self.slot, self.turn, self.rate) if key is not None)


@dataclass(slots=True, kw_only=True)
class Standing:
    """How much of each key is taken; what is not named is free. Deciding changes it."""

    taken: dict[LimitKey, int] = field(default_factory=dict)
    used: dict[LimitKey, RateUse] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A candidate goes (`gate` None), or waits at a gate: at RATE until `free_at` at least, at PAUSED for a resume."""

    candidate: Candidate
    gate: Gate | None
    free_at: datetime | None = None


def admit(candidates: Iterable[Candidate], standing: Standing, now: datetime) -> list[Admission]:
    """Decide about all in their order. Whoever the rate holds back holds back those behind it with the same key: a
    heavy task is not overtaken by light ones for ever.

    A start is taken from the rate only by those that nothing else holds.
    """
    held: dict[LimitKey, datetime] = {}
    decided = []
    for each in candidates:
        gate, free_at = _gate(each, standing, held, now)
        if gate is None:
            _take(each, standing, now)
        elif gate is Gate.RATE and each.rate is not None and free_at is not None:
            held.setdefault(each.rate, free_at)
        decided.append(Admission(candidate=each, gate=gate, free_at=free_at))
    return decided


def _gate(
    each: Candidate, standing: Standing, held: Mapping[LimitKey, datetime], now: datetime
) -> tuple[Gate | None, datetime | None]:
    if each.slot is not None and standing.taken.get(each.slot, 0) >= each.most:
        return Gate.LIMIT, None
    if each.held:
        return Gate.PAUSED, None
    if each.turn is not None and standing.taken.get(each.turn, 0) >= each.window:
        return Gate.FAIRNESS, None
    if each.rate is not None and each.terms is not None:
        if each.rate in held:
            return Gate.RATE, held[each.rate]
        free_at = standing.used.get(each.rate, RateUse()).free_at(each.terms, now)
        if free_at > now:
            return Gate.RATE, free_at
    return None, None


def _take(each: Candidate, standing: Standing, now: datetime) -> None:
    for key in (each.slot, each.turn):
        if key is not None:
            standing.taken[key] = standing.taken.get(key, 0) + 1
    if each.rate is not None and each.terms is not None:
        standing.used[each.rate] = standing.used.get(each.rate, RateUse()).taken(each.terms, now)
