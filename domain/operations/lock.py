"""Locks of operations: held for at most and at least so long, owned by one holder, numbered by a rising token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.shared.errors import FieldProblem, raise_all
from domain.shared.ids import DEFAULT_TENANT, TenantId
from domain.shared.text import control_characters
from domain.timing.duration import LONGEST

LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTerm:
    """What is asked for: `name`, and for how long after it was taken it is held.

    `at_most` frees it if its holder dies: work that takes longer may run twice. `at_least` keeps it after a quick
    release, so that nodes whose clocks differ do not all take their turn.
    """

    name: str
    at_most: timedelta
    at_least: timedelta = timedelta(0)
    tenant: TenantId = DEFAULT_TENANT

    def __post_init__(self) -> None:
        problems = list(control_characters("/name", [self.name]))
        if not 1 <= len(self.name) <= LONGEST_NAME:
            detail = f"A lock's name has 1 to {LONGEST_NAME} characters; this one has {len(self.name)}."
            problems.append(FieldProblem("/name", "INVALID_LOCK_NAME", detail))
        if not timedelta(0) < self.at_most <= LONGEST:
            detail = "A lock is held at most for a time above zero and up to a hundred years."
            problems.append(FieldProblem("/atMost", "INVALID_LOCK_TERM", detail))
        if not timedelta(0) <= self.at_least <= self.at_most:
            detail = "A lock is held at least for zero or more, and never for longer than at most."
            problems.append(FieldProblem("/atLeast", "INVALID_LOCK_TERM", detail))
        raise_all(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock that somebody holds. `token` is higher than that of every holder before, and stays when it is extended.

    `holder` is random and proves the ownership, `node` tells people whose it is.
    """

    name: str
    tenant: TenantId
    holder: UUID
    node: str
    token: int
    locked_at: datetime
    at_least_until: datetime
    until: datetime

    @classmethod
    def of(cls, term: LockTerm, holder: UUID, node: str, token: int, now: datetime) -> Lock:
        """The lock that is taken now on these terms."""
        return cls(
            name=term.name,
            tenant=term.tenant,
            holder=holder,
            node=node,
            token=token,
            locked_at=now,
            at_least_until=now + term.at_least,
            until=now + term.at_most,
        )

    def extended(self, at_most: timedelta, at_least: timedelta, now: datetime) -> Lock:
        """The same lock for new times from now on. Raises `Invalid` for times that no term could have."""
        term = LockTerm(name=self.name, tenant=self.tenant, at_most=at_most, at_least=at_least)
        return replace(self, at_least_until=now + term.at_least, until=now + term.at_most)

    def free_at(self, now: datetime) -> datetime:
        """When it becomes free if it is released now."""
        return max(now, self.at_least_until)
