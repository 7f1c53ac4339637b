"""Why a task is not running, or a job has not fired: reasons with their numbers, and what would mend them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.shared.json_value import JsonValue


class Why(StrEnum):
    """What keeps a task from running.

    The first ones say where it stands; the others what it waits for.
    """

    ENDED = "ENDED"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    EXECUTOR_SILENT = "EXECUTOR_SILENT"
    HANDED_OUT = "HANDED_OUT"
    NOT_FETCHED = "NOT_FETCHED"
    NOT_DUE = "NOT_DUE"
    RETRY_LATER = "RETRY_LATER"
    WAITS_FOR_UPSTREAM = "WAITS_FOR_UPSTREAM"
    PAUSED = "PAUSED"
    LIMIT_REACHED = "LIMIT_REACHED"
    RATE_LIMITED = "RATE_LIMITED"
    TURN_OF_OTHERS = "TURN_OF_OTHERS"
    ABOUT_TO_BE_LET_IN = "ABOUT_TO_BE_LET_IN"
    CLAIMING_STOPPED = "CLAIMING_STOPPED"
    POOL_PAUSED = "POOL_PAUSED"
    NO_EXECUTOR = "NO_EXECUTOR"
    NAMED_EXECUTOR_AWAY = "NAMED_EXECUTOR_AWAY"
    EXECUTORS_DRAINING = "EXECUTORS_DRAINING"
    EXECUTORS_FULL = "EXECUTORS_FULL"
    BEHIND_OTHERS = "BEHIND_OTHERS"
    ABOUT_TO_BE_CLAIMED = "ABOUT_TO_BE_CLAIMED"


class WhyNot(StrEnum):
    """What became of a fire, or why there was none."""

    DECIDED = "DECIDED"
    NOT_ACTIVE = "NOT_ACTIVE"
    NOT_PLANNED = "NOT_PLANNED"
    PLANNED = "PLANNED"
    LEFT_OUT = "LEFT_OUT"
    FIRING_STOPPED = "FIRING_STOPPED"
    SET_ASIDE = "SET_ASIDE"
    OVERDUE = "OVERDUE"
    EXHAUSTED = "EXHAUSTED"
    AWAITS_END = "AWAITS_END"
    FOR_ANOTHER_REASON = "FOR_ANOTHER_REASON"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that holds it. `until`: it is over then by itself; None = somebody or something has to act."""

    code: Why | WhyNot
    detail: str
    fix: str | None = None
    until: datetime | None = None
    facts: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Every reason that holds at `at`, the nearest first. `earliest`: it could start then; None = nobody can tell."""

    at: datetime
    reasons: Sequence[Reason]
    earliest: datetime | None = None
