"""Locks and semaphores that users share, and the fences of their resources."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, post
from litestar.params import FromPath, JSONBody

from application.operations.ports import LocksReader
from application.operations.shared_locks import Acquired, SharedLocks
from application.operations.views import LockView
from application.shared.page import Page
from application.shared.principal import Principal
from domain.operations.lock import LONGEST_NAME
from domain.operations.semaphore import LONGEST_OWNER, MOST_PERMITS, Wish
from domain.shared.errors import FieldProblem, Invalid
from domain.timing.duration import format_duration, parse_duration
from interfaces.rest.bodies import Body
from interfaces.rest.documented import problems
from interfaces.rest.hang_up import unless_hung_up
from interfaces.rest.injected import Injected
from interfaces.rest.parameters import Cursor, Limit

LONGEST_WAIT = timedelta(seconds=60)

Token = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Duration = Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["PT30S"])]


class Acquisition(Body, frozen=True, kw_only=True):
    """A wish for one of `permits`: 1 is a lock, more is a semaphore.

    `owner` tells people who has it. Without `extend` the lock is free again after `ttl`. `wait` waits for a permit,
    PT60S at most. A request that is repeated with its `requestId` gets the hold that it has already.
    """

    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_OWNER, examples=["deploy-42"])]
    ttl: Duration
    permits: Annotated[int, msgspec.Meta(ge=1, le=MOST_PERMITS)] = 1
    wait: Duration = "PT0S"
    request_id: UUID | None = None


class Extension(Body, frozen=True, kw_only=True):
    """The hold with that token, for `ttl` from now on."""

    token: Token
    ttl: Duration


class Release(Body, frozen=True, kw_only=True):
    """The hold with that token."""

    token: Token


class HeldView(Body, frozen=True, kw_only=True):
    """The lock is held by whoever knows the token. It is higher than all before: hand it to what the lock protects."""

    name: str
    token: int
    owner: str
    permits: int
    acquired_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, acquired: Acquired) -> "HeldView":
        hold = acquired.hold
        return cls(
            name=acquired.name,
            token=hold.token,
            owner=hold.owner,
            permits=acquired.permits,
            acquired_at=hold.acquired_at,
            expires_at=hold.expires_at,
        )


class ReleasedView(Body, frozen=True, kw_only=True):
    """Whether it was held with that token; if not, it had expired or was released before."""

    name: str
    released: bool


class FenceCheck(Body, frozen=True, kw_only=True):
    """Somebody with this token is about to touch the resource."""

    resource: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME, examples=["ledger-2031"])]
    token: Token


class PassedView(Body, frozen=True, kw_only=True):
    """It may: no higher token has been there."""

    resource: str
    token: int


class LockController(Controller):
    """A lock's name is any text of up to 255 characters without a slash."""

    path = "/locks"
    tags = ("Locks",)

    @get("/", operation_id="listLocks", responses=problems())
    async def page(
        self,
        principal: Injected[Principal],
        locks_reader: Injected[LocksReader],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[LockView]:
        """Locks that are held, by name."""
        return await locks_reader.locks(principal.tenant, limit, cursor)

    @get("/{lock:str}", operation_id="getLock", responses=problems(404))
    async def one(
        self, lock: FromPath[str], principal: Injected[Principal], locks_reader: Injected[LocksReader]
    ) -> LockView:
        """A lock and who holds it."""
        return await locks_reader.lock(principal.tenant, lock)

    @post("/{lock:str}/acquire", operation_id="acquireLock", status_code=200, responses=problems(409, 413, 415, 422))
    async def acquire(
        self,
        request: Request[Any, Any, Any],
        lock: FromPath[str],
        data: JSONBody[Acquisition],
        principal: Injected[Principal],
        shared_locks: Injected[SharedLocks],
    ) -> HeldView:
        """Take the lock, or one permit of it, waiting for it at most as long as asked for."""
        wait = _duration(data.wait, "/wait")
        if wait > LONGEST_WAIT:
            detail = f"A request waits {format_duration(LONGEST_WAIT)} at most, not {data.wait}. Ask again after it."
            raise Invalid(FieldProblem("/wait", "WAIT_TOO_LONG", detail))
        wish = Wish(owner=data.owner, ttl=_duration(data.ttl, "/ttl"), permits=data.permits, request_id=data.request_id)
        acquiring = shared_locks.acquire(principal, lock, wish, wait)
        acquired = await (unless_hung_up(request, acquiring) if wait else acquiring)
        return NOBODY if acquired is None else HeldView.of(acquired)

    @post("/{lock:str}/extend", operation_id="extendLock", status_code=200, responses=problems(409, 413, 415, 422))
    async def extend(
        self,
        lock: FromPath[str],
        data: JSONBody[Extension],
        principal: Injected[Principal],
        shared_locks: Injected[SharedLocks],
    ) -> HeldView:
        """Hold it longer. Refused with `LOCK_LOST` when it has expired: then stop."""
        return HeldView.of(await shared_locks.extend(principal, lock, data.token, _duration(data.ttl, "/ttl")))

    @post("/{lock:str}/release", operation_id="releaseLock", status_code=200, responses=problems(413, 415, 422))
    async def release(
        self,
        lock: FromPath[str],
        data: JSONBody[Release],
        principal: Injected[Principal],
        shared_locks: Injected[SharedLocks],
    ) -> ReleasedView:
        """Give it back. Repeating it is harmless; a token that is not the holder's changes nothing."""
        return ReleasedView(name=lock, released=await shared_locks.release(principal, lock, data.token))


@post(
    "/fences/check",
    operation_id="checkFence",
    status_code=200,
    tags=["Locks"],
    responses=problems(409, 413, 415, 422),
)
async def check_fence(
    data: JSONBody[FenceCheck], principal: Injected[Principal], shared_locks: Injected[SharedLocks]
) -> PassedView:
    """Ask before touching a resource: refused with `STALE_TOKEN` once a higher token has been there.

    Tokens of tasks and of locks come from one sequence that only rises.
    """
    await shared_locks.check(principal, data.resource, data.token)
    return PassedView(resource=data.resource, token=data.token)


_NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
NOBODY = HeldView(name="", token=0, owner="", permits=0, acquired_at=_NEVER, expires_at=_NEVER)
"""For a caller that has hung up: nobody reads it."""


def _duration(text: str, pointer: str) -> timedelta:
    try:
        return parse_duration(text)
    except Invalid as refusal:
        raise refusal.under(pointer) from None


LOCKS = (LockController, check_fence)
