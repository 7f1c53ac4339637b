"""A lock that users share: so many holders at the same time, each with a token, none for longer than it said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.operations.errors import LockHeld, LockLost, LockPermitsDiffer
from domain.operations.lock import LONGEST_NAME
from domain.shared.errors import FieldProblem, raise_all
from domain.shared.ids import TenantId
from domain.shared.text import control_characters

MOST_PERMITS: Final = 1000
LONGEST_OWNER: Final = 256
LONGEST_HOLD: Final = timedelta(days=7)
"""Who holds on for longer says so again now and then; a holder that died must not lock others out for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Somebody wants one of `permits` for `ttl`. `request_id` is the same when the same request is repeated."""

    owner: str
    ttl: timedelta
    permits: int = 1
    request_id: UUID | None = None

    def __post_init__(self) -> None:
        problems = [*control_characters("/owner", [self.owner]), *ttl_problems(self.ttl)]
        if not 1 <= len(self.owner) <= LONGEST_OWNER:
            detail = f"The owner is a text of 1 to {LONGEST_OWNER} characters that tells others who has the lock."
            problems.append(FieldProblem("/owner", "INVALID_OWNER", detail))
        if not 1 <= self.permits <= MOST_PERMITS:
            detail = f"A lock has 1 to {MOST_PERMITS} permits, not {self.permits}."
            problems.append(FieldProblem("/permits", "INVALID_PERMITS", detail))
        raise_all(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One holder. Its token is higher than that of every hold before it, of whatever lock."""

    token: int
    owner: str
    acquired_at: datetime
    expires_at: datetime
    request_id: UUID | None = None


@dataclass(eq=False, slots=True, kw_only=True)
class Semaphore:
    """All who hold one lock. What has expired is not held: every method takes the present instant first."""

    tenant: TenantId
    name: str
    permits: int
    holds: list[Hold] = field(default_factory=list)

    def repeated(self, wish: Wish, now: datetime) -> Hold | None:
        """The hold that the same request got before, if it still stands."""
        if wish.request_id is None:
            return None
        return next((hold for hold in self.held(now) if hold.request_id == wish.request_id), None)

    def acquire(self, wish: Wish, token: int, now: datetime) -> Hold:
        """One more holder. Raises `LockHeld` without a free permit, `LockPermitsDiffer` for another number of them."""
        self.require_free(wish, now)
        hold = Hold(
            token=token,
            owner=wish.owner,
            acquired_at=now,
            expires_at=now + wish.ttl,
            request_id=wish.request_id,
        )
        self.permits, self.holds = wish.permits, [*self.held(now), hold]
        return hold

    def require_free(self, wish: Wish, now: datetime) -> None:
        """Raises like `acquire`."""
        held = self.held(now)
        if held and wish.permits != self.permits:
            raise LockPermitsDiffer(self.name, self.permits, wish.permits)
        if len(held) >= wish.permits:
            raise LockHeld(self.name, wish.permits, tuple(hold.owner for hold in held))

    def extend(self, token: int, ttl: timedelta, now: datetime) -> Hold:
        """The same hold, for so long from now on. Raises `LockLost`, and `Invalid` for a time that is none."""
        raise_all(ttl_problems(ttl))
        present = next((hold for hold in self.held(now) if hold.token == token), None)
        if present is None:
            raise LockLost(self.name, token)
        longer = replace(present, expires_at=now + ttl)
        self.holds = [longer if hold is present else hold for hold in self.held(now)]
        return longer

    def release(self, token: int, now: datetime) -> bool:
        """Whether it was held with that token; it is not any more."""
        before = self.held(now)
        self.holds = [hold for hold in before if hold.token != token]
        return len(self.holds) < len(before)

    def held(self, now: datetime) -> list[Hold]:
        """The present holders, in the order of their tokens."""
        return sorted((hold for hold in self.holds if hold.expires_at > now), key=lambda hold: hold.token)


def ttl_problems(ttl: timedelta) -> Sequence[FieldProblem]:
    """What is wrong with the time that somebody wants to hold a lock for."""
    if timedelta(0) < ttl <= LONGEST_HOLD:
        return ()
    return [FieldProblem("/ttl", "INVALID_TTL", "A lock is held for a time above zero and up to P7D; extend it later.")]


def name_problems(name: str, pointer: str = "/name") -> Sequence[FieldProblem]:
    """What is wrong with the name of a lock, or of a resource that compares tokens."""
    problems = list(control_characters(pointer, [name]))
    if not 1 <= len(name) <= LONGEST_NAME:
        detail = f"A name has 1 to {LONGEST_NAME} characters; this one has {len(name)}."
        problems.append(FieldProblem(pointer, "INVALID_LOCK_NAME", detail))
    return problems
