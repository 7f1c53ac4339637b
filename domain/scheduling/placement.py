"""Where a task may run: lanes, and which executors serve them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.scheduling.ids import ExecutorId
from domain.shared.errors import FieldProblem, raise_all
from domain.shared.ids import TenantId
from domain.shared.text import control_characters

DEFAULT_POOL = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What a job asks of an executor: its pool, labels that it must carry, and to be that very `executor`."""

    pool: str = DEFAULT_POOL
    requires: Mapping[str, str] = field(default_factory=dict, hash=False)
    executor: ExecutorId | None = None

    def __post_init__(self) -> None:
        problems = []
        if not 1 <= len(self.pool) <= 128:
            problems.append(FieldProblem("/pool", "INVALID_POOL", "A pool's name has 1 to 128 characters."))
        if len(self.requires) > 32:
            problems.append(FieldProblem("/requires", "TOO_MANY_LABELS", "At most 32 labels may be required."))
        if self.executor is not None:
            if not 1 <= len(self.executor) <= 128:
                detail = "The id of an executor has 1 to 128 characters."
                problems.append(FieldProblem("/executor", "INVALID_EXECUTOR", detail))
            problems += control_characters("/executor", [self.executor])
        problems += control_characters("/pool", [self.pool])
        problems += control_characters("/requires", _words(self.requires))
        raise_all(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Tasks that the same executors can run wait in one lane; `handler` is None where the type alone decides.

    `executor`: the only one that they may go to; None = any that serves the rest.
    """

    tenant: TenantId
    pool: str
    type: str
    handler: str | None
    requires: tuple[tuple[str, str], ...]
    executor: ExecutorId | None = None

    @classmethod
    def of(cls, tenant: TenantId, type_: str, handler: str | None, placement: Placement) -> Lane:
        """The lane of a job; its labels are sorted so that equal demands are one lane."""
        return cls(
            tenant=tenant,
            pool=placement.pool,
            type=type_,
            handler=handler,
            requires=tuple(sorted(placement.requires.items())),
            executor=placement.executor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What an executor offers. `slots` bounds the tasks it holds at once."""

    pool: str = DEFAULT_POOL
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    types: frozenset[str] = frozenset()
    handlers: frozenset[str] = frozenset()
    slots: int = 100

    def __post_init__(self) -> None:
        problems = []
        if not 1 <= self.slots <= 100_000:
            problems.append(
                FieldProblem("/maxConcurrentTasks", "INVALID_CAPACITY", "maxConcurrentTasks must be 1 to 100000.")
            )
        if not self.types:
            problems.append(
                FieldProblem("/types", "NO_TYPES", "An executor must offer at least one job type, for example COMMAND.")
            )
        for name, texts in (
            ("pool", (self.pool,)),
            ("labels", _words(self.labels)),
            ("types", sorted(self.types)),
            ("handlers", sorted(self.handlers)),
        ):
            problems += control_characters(f"/{name}", texts)
        raise_all(problems)

    def runs(self, lane: Lane) -> bool:
        """Whether it can do the work of the lane's tasks, wherever they are meant to run."""
        return lane.type in self.types and (lane.handler is None or lane.handler in self.handlers)

    def serves(self, tenant: TenantId, lane: Lane) -> bool:
        """Whether an executor of `tenant` with this offer may take tasks of the lane, if that names no other."""
        return (
            lane.tenant == tenant
            and lane.pool == self.pool
            and self.runs(lane)
            and all(self.labels.get(name) == value for name, value in lane.requires)
        )


def _words(labels: Mapping[str, str]) -> tuple[str, ...]:
    return (*labels, *labels.values())
