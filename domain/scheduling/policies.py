"""What happens to fires that come late, together, or while an earlier run is still alive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.shared.errors import FieldProblem, raise_all
from domain.timing.trigger import Trigger

DEFAULT_CATCHUP_WINDOW = timedelta(days=1)
LONGEST_TIMEOUT = timedelta(days=366)


class MisfirePolicy(StrEnum):
    """What becomes of fires that are late.

    FIRE_ONCE: the latest runs, the others are COALESCED. FIRE_ALL: each runs, in order. SKIP: they are MISSED.
    """

    FIRE_ONCE = "FIRE_ONCE"
    FIRE_ALL = "FIRE_ALL"
    SKIP = "SKIP"


MOST_BUFFERED = 1_000


class OverlapPolicy(StrEnum):
    """What a fire does while a task of the same job is still alive.

    ALLOW: run beside it. SKIP: do not run. BUFFER_ONE, BUFFER_ALL: run after it, if nobody else waits, or at most
    `MOST_BUFFERED`. CANCEL_OTHER: have it stopped, and run once it has. TERMINATE_OTHER: have it stopped, and run at
    once.
    """

    ALLOW = "ALLOW"
    SKIP = "SKIP"
    BUFFER_ONE = "BUFFER_ONE"
    BUFFER_ALL = "BUFFER_ALL"
    CANCEL_OTHER = "CANCEL_OTHER"
    TERMINATE_OTHER = "TERMINATE_OTHER"

    @property
    def takes_turns(self) -> bool:
        """Whether the tasks of the job share one slot, so that the next begins when the one before it has ended."""
        return self in (OverlapPolicy.BUFFER_ONE, OverlapPolicy.BUFFER_ALL, OverlapPolicy.CANCEL_OTHER)

    def overridden(self, other: OverlapPolicy | None) -> OverlapPolicy:
        """The policy for one run of a job with this one. Raises `Invalid`.

        Tasks of a job take turns all or not at all: whether they have a slot is settled when they are made.
        """
        if other is None or other is self:
            return self
        allowed = [each for each in OverlapPolicy if each.takes_turns == self.takes_turns]
        allowed = sorted({*allowed, OverlapPolicy.SKIP}, key=list(OverlapPolicy).index)
        if other not in allowed:
            detail = f"A run of a job with overlap {self} may have {', '.join(allowed)}, not {other}."
            raise_all([FieldProblem("/overlap", "OVERLAP_NOT_FOR_THIS_JOB", detail)])
        return other

    @property
    def ends_others(self) -> bool:
        """Whether a fire has the tasks before it cancelled."""
        return self in (OverlapPolicy.CANCEL_OTHER, OverlapPolicy.TERMINATE_OTHER)

    @property
    def most_waiting(self) -> int:
        """How many fires may wait for their turn."""
        return 1 if self is OverlapPolicy.BUFFER_ONE else MOST_BUFFERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfire:
    """A fire later than `grace` is late. `catchup_window` bounds how old a late fire may be and still run.

    FIRE_ALL uses a window of one day unless told otherwise and runs the latest `max_fires` at most; FIRE_ONCE knows a
    window only if one is set.
    """

    policy: MisfirePolicy = MisfirePolicy.FIRE_ONCE
    grace: timedelta = timedelta(seconds=60)
    catchup_window: timedelta | None = None
    max_fires: int = 100

    def __post_init__(self) -> None:
        problems: list[FieldProblem] = []
        if self.grace < timedelta(0):
            problems.append(FieldProblem("/grace", "INVALID_MISFIRE", "grace must not be negative."))
        if self.catchup_window is not None and self.catchup_window < timedelta(0):
            problems.append(FieldProblem("/catchupWindow", "INVALID_MISFIRE", "catchupWindow must not be negative."))
        if not 1 <= self.max_fires <= 10_000:
            problems.append(FieldProblem("/maxFires", "INVALID_MISFIRE", "maxFires must be 1 to 10000."))
        raise_all(problems)

    @property
    def most_fires(self) -> int:
        """How many of several due fires may run at most: always the latest ones."""
        return self.max_fires if self.policy is MisfirePolicy.FIRE_ALL else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringPolicy:
    """All that deciding about a fire obeys.

    What follows after `overlap` is the trigger's, kept here so that deciding does not need it: `jitter` or `window`
    spreads the planned times, `max_executions` bounds the fires, `recurs` and `awaits_end` are as `Trigger` has them.
    With `waits` a task waits for the job's dependencies first, as long as `wait_timeout`.
    """

    misfire: Misfire = Misfire()
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    jitter: timedelta = timedelta(0)
    window: timedelta = timedelta(0)
    max_executions: int | None = None
    recurs: bool = True
    awaits_end: bool = False
    waits: bool = False
    wait_timeout: timedelta | None = None

    @classmethod
    def of(
        cls,
        trigger: Trigger,
        misfire: Misfire,
        overlap: OverlapPolicy,
        *,
        waits: bool = False,
        wait_timeout: timedelta | None = None,
    ) -> FiringPolicy:
        """For the fires of a trigger."""
        return cls(
            misfire=misfire,
            overlap=overlap,
            jitter=trigger.jitter,
            window=trigger.window,
            max_executions=trigger.max_executions,
            recurs=trigger.recurs,
            awaits_end=trigger.awaits_end,
            waits=waits,
            wait_timeout=wait_timeout,
        )

    @property
    def spread(self) -> timedelta:
        """By how much planned times may come after nominal ones."""
        return self.window or self.jitter

    @property
    def late_policy(self) -> MisfirePolicy:
        """What becomes of late fires. The single fire of a trigger runs however late, unless a window is set for it."""
        if self.misfire.policy is MisfirePolicy.FIRE_ALL and not self.recurs:
            return MisfirePolicy.FIRE_ONCE
        return self.misfire.policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """`execution` bounds one attempt, `queue` the wait in PENDING, `total` the whole task from its scheduled time."""

    execution: timedelta | None = None
    queue: timedelta | None = None
    total: timedelta | None = None

    def __post_init__(self) -> None:
        must = f"must be at least one second and at most {LONGEST_TIMEOUT.days} days"
        raise_all(
            [
                FieldProblem(f"/{name}", "INVALID_TIMEOUT", f"The {name} timeout {must}.")
                for name, value in (("execution", self.execution), ("queue", self.queue), ("total", self.total))
                if value is not None and not timedelta(seconds=1) <= value <= LONGEST_TIMEOUT
            ]
        )
