"""Locks as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec


class HoldView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """One holder. The token is for whoever has the lock; it also releases the lock of a holder that died."""

    token: int
    owner: str
    acquired_at: datetime
    expires_at: datetime


class LockView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A lock that is held, with its holders in the order of their tokens."""

    name: str
    permits: int
    free: int
    holders: Sequence[HoldView]


class HeldLockView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A lock of an operation, and the node that holds it."""

    name: str
    node: str
    token: int
    locked_at: datetime
    at_least_until: datetime
    until: datetime
