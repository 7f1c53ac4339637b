"""Whether the Redis that was named is one that can be worked with."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import Final

from redis.exceptions import (
    AuthenticationError,
    DataError,
    InvalidResponse,
    MaxConnectionsError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from infrastructure.redis.client import Client
from infrastructure.redis.keys import Keys

log = logging.getLogger(__name__)

_ADVICE: Final[tuple[tuple[type[RedisError], str], ...]] = (
    (AuthenticationError, "it refuses this user or password: mend platform.scheduler.redis.url"),
    (NoPermissionError, "its user may not do what is needed: allow it publish, subscribe, scripts and keys"),
    (ReadOnlyError, "it is a replica, which takes no writes: name the master, or its Sentinels"),
    (InvalidResponse, "what listens there is no Redis: mend platform.scheduler.redis.url"),
    (ResponseError, "it refuses a command of Redis 6.2: is it older, full, or something else?"),
    (DataError, "it refuses a command of Redis 6.2: is it older, or something else?"),
)


class RedisState(StrEnum):
    """RIGHT answers, AWAY does not, WRONG will not answer as it should until somebody mends the settings."""

    RIGHT = "RIGHT"
    AWAY = "AWAY"
    WRONG = "WRONG"


class RedisCheck:
    """Looks by writing a key; a change is logged once, with what to do."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._key = keys.check
        self._last: str | None = None
        self.was_right = False

    async def look(self) -> RedisState:
        """How it stands now."""
        try:
            await self._client.set(self._key, "1", px=60_000)
        except (RedisError, OSError) as error:
            advice = next((text for kind, text in _ADVICE if isinstance(error, kind)), None)
            if isinstance(error, MaxConnectionsError):
                advice = None
            self._say(f"Redis cannot be used ({error}): {advice}" if advice else f"Redis does not answer: {error}")
            return RedisState.WRONG if advice else RedisState.AWAY
        if self._last is not None:
            log.warning("Redis answers again")
        self._last, self.was_right = None, True
        return RedisState.RIGHT

    def _say(self, what: str) -> None:
        if what != self._last:
            log.error("%s. Nodes go on without it: they hear of each other's news within seconds, not at once", what)
        self._last = what
