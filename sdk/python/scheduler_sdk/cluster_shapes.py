"""The shapes of answers about nodes, locks and operations."""

from __future__ import annotations

from typing import TypedDict


class LockWish(TypedDict, total=False):
    """A wish for a lock, or for one of `permits`: `owner` tells others who has it, after `ttl` it is free again.

    `wait` waits for it, a minute at most. A request that is repeated with its `requestId` gets the hold it has.
    """

    owner: str
    ttl: str
    permits: int
    wait: str
    requestId: str


class HeldLock(TypedDict, total=False):
    """A lock that is held by whoever knows `token`; the token is higher than that of every holder before."""

    name: str
    token: int
    owner: str
    permits: int
    acquiredAt: str
    expiresAt: str


class LockHolder(TypedDict, total=False):
    """One holder of a lock."""

    token: int
    owner: str
    acquiredAt: str
    expiresAt: str


class SharedLock(TypedDict, total=False):
    """A lock that is held, with all its holders: of a semaphore there may be several."""

    name: str
    permits: int
    free: int
    holders: list[LockHolder]


class Node(TypedDict, total=False):
    """A server process of the platform: UP, LEFT or LOST."""

    id: str
    label: str
    status: str
    roles: list[str]
    version: str
    host: str
    startedAt: str
    lastBeatAt: str
    leftAt: str | None
    isThis: bool


class UpkeepLock(TypedDict, total=False):
    """A lock of the platform's own upkeep, and the node that holds it."""

    name: str
    node: str
    token: int
    lockedAt: str
    until: str


class Execution(TypedDict, total=False):
    """One execution of an operation: PENDING, RUNNING, SUCCESS, ERROR, TIMEOUT or CANCELLED."""

    id: str
    operation: str
    description: str
    status: str
    triggeredBy: str
    requestedBy: str | None
    createdAt: str
    executedAt: str | None
    endedAt: str | None
    executionTimeMs: int | None
    processedCount: int
    errorMessage: str | None
    serverInstance: str | None
    token: int | None


class Operation(TypedDict, total=False):
    """A piece of the platform's own upkeep: ACTIVE, PAUSED, or ERROR if its last execution failed."""

    name: str
    description: str
    status: str
    every: str
    shippedEvery: str
    timeout: str
    nextRunAt: str | None
    failures: int
    pausedAt: str | None
    pausedBy: str | None
    pausedReason: str | None
    lastExecution: Execution | None


class Webhook(TypedDict, total=False):
    """An address that is told of events; `secret` only where it was just made."""

    name: str
    url: str
    events: list[str]
    jobId: str
    sink: str
    createdAt: str
    previousSecretUntil: str
    secret: str
