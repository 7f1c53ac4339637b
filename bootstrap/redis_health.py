"""How Redis stands, as a part of a node's health."""

from __future__ import annotations

from infrastructure.redis.checking import RedisCheck, RedisState
from interfaces.rest.actuator.health import Check, Component, Status


def check_of_redis(look: RedisCheck) -> Check:
    """DOWN while it is away, which is no reason to send requests elsewhere: the node goes on without it.

    OUT_OF_SERVICE if it was the wrong one from the start, so that nodes with wrong settings are not taken in. Nodes
    that knew it right stay in service: if its password changes, they shall not all be gone at once.
    """

    async def check() -> Component:
        state = await look.look()
        if state is RedisState.WRONG and not look.was_right:
            return Component(Status.OUT_OF_SERVICE)
        return Component(Status.UP if state is RedisState.RIGHT else Status.DOWN)

    return check
