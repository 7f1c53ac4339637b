"""The states of a task and the ways between them: the one transition table of the product."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class TaskStatus(StrEnum):
    """Where a task stands.

    BLOCKED: waits for a dependency, a limit or a resume. PENDING: claimable, or waiting for its time. ASSIGNED: leased,
    not yet started. RUNNING: started by the executor that holds the lease. WAITING_RETRY: between two attempts. The
    rest is final.
    """

    BLOCKED = "BLOCKED"
    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    RUNNING = "RUNNING"
    WAITING_RETRY = "WAITING_RETRY"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"

    def can_become(self, target: TaskStatus) -> bool:
        """Whether the table has this way."""
        return target in TRANSITIONS[self]

    @property
    def is_final(self) -> bool:
        """Whether nothing but an operator's retry leaves this state."""
        return not TRANSITIONS[self]

    @classmethod
    def sources_of(cls, target: TaskStatus) -> tuple[TaskStatus, ...]:
        """Every state from which `target` may be reached, in declaration order; set-based writes bind this."""
        return tuple(s for s in cls if target in TRANSITIONS[s])


_S = TaskStatus

TRANSITIONS: Mapping[TaskStatus, frozenset[TaskStatus]] = MappingProxyType(
    {
        _S.BLOCKED: frozenset({_S.PENDING, _S.SKIPPED, _S.FAILED, _S.TIMEOUT, _S.CANCELLED}),
        _S.PENDING: frozenset({_S.ASSIGNED, _S.TIMEOUT, _S.CANCELLED, _S.SKIPPED}),
        _S.ASSIGNED: frozenset({_S.RUNNING, _S.WAITING_RETRY, _S.FAILED, _S.TIMEOUT, _S.CANCELLED}),
        _S.RUNNING: frozenset({_S.COMPLETED, _S.FAILED, _S.TIMEOUT, _S.CANCELLED, _S.WAITING_RETRY}),
        _S.WAITING_RETRY: frozenset({_S.ASSIGNED, _S.TIMEOUT, _S.CANCELLED}),
        _S.COMPLETED: frozenset(),
        _S.FAILED: frozenset(),
        _S.TIMEOUT: frozenset(),
        _S.CANCELLED: frozenset(),
        _S.SKIPPED: frozenset(),
    }
)

REOPENED_BY_OPERATOR: frozenset[TaskStatus] = frozenset({_S.FAILED, _S.TIMEOUT, _S.CANCELLED})
"""Final states that an operator's retry takes back to PENDING: the same task, a new attempt."""

NEVER_RAN: tuple[TaskStatus, ...] = (_S.SKIPPED, _S.FAILED, _S.TIMEOUT, _S.CANCELLED)
"""How tasks may end before their first attempt."""

LEFT_OUT: tuple[TaskStatus, ...] = (_S.SKIPPED, _S.FAILED)
"""How tasks end that did not run because of an upstream; its retry may take them back to BLOCKED, to wait again."""

FINAL: tuple[TaskStatus, ...] = tuple(s for s in TaskStatus if s.is_final)
LIVE: tuple[TaskStatus, ...] = tuple(s for s in TaskStatus if not s.is_final)
CLAIMABLE: tuple[TaskStatus, ...] = TaskStatus.sources_of(_S.ASSIGNED)
HELD: tuple[TaskStatus, ...] = (_S.ASSIGNED, _S.RUNNING)
"""States in which an executor holds the task."""

COUNTS_FOR_OVERLAP: tuple[TaskStatus, ...] = (_S.PENDING, _S.ASSIGNED, _S.RUNNING, _S.WAITING_RETRY)
"""A task in one of these, or one that is still stopping, is in the way of the next fire;

a BLOCKED one is judged on release.
"""


class Gate(StrEnum):
    """What a task that may not be claimed yet waits for; none means: in the queue."""

    TIME = "TIME"
    DEPENDENCY = "DEPENDENCY"
    LIMIT = "LIMIT"
    RATE = "RATE"
    FAIRNESS = "FAIRNESS"
    PAUSED = "PAUSED"
