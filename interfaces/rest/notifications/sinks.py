"""Sinks that events are carried to, and what they refused."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody

from application.notifications.ports import SinksReader
from application.notifications.views import DeadLetterView, SinkView
from application.shared.page import Page
from application.shared.principal import Principal
from interfaces.rest.bodies import Body
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.parameters import Cursor, Limit


class Sinks(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """All of them, by name."""

    items: Sequence[SinkView]
    next_cursor: str | None = None


class Letters(Body, frozen=True, kw_only=True):
    """Which dead letters; without `ids` all of the sink."""

    ids: Sequence[UUID] | None = None


ALL = Letters()


class Affected(Body, frozen=True, kw_only=True):
    """How many dead letters."""

    count: int


class SinkController(Controller):
    """A sink that cannot be reached costs no event an attempt; what it refuses becomes a dead letter."""

    path = "/sinks"
    tags = ("Events",)

    @get("/", operation_id="listSinks", responses=problems())
    async def all(self, principal: Injected[Principal], sinks_reader: Injected[SinksReader]) -> Sinks:
        """Where events are carried to, and how far that is."""
        return Sinks(items=await sinks_reader.sinks(principal.tenant))

    @get("/{sink:str}/dead-letters", operation_id="listDeadLetters", responses=problems(404))
    async def dead_letters(
        self,
        sink: FromPath[str],
        principal: Injected[Principal],
        sinks_reader: Injected[SinksReader],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[DeadLetterView]:
        """Events that the sink has refused, the oldest first."""
        return await sinks_reader.dead_letters(principal.tenant, sink, limit, cursor)

    @post(
        "/{sink:str}/dead-letters/redrive",
        operation_id="redriveDeadLetters",
        status_code=200,
        responses=problems(404, 413, 415),
    )
    async def redrive(
        self,
        sink: FromPath[str],
        principal: Injected[Principal],
        sinks_reader: Injected[SinksReader],
        data: JSONBody[Letters] = ALL,
    ) -> Affected:
        """Send dead letters again; one that is refused again stays."""
        return Affected(count=await sinks_reader.redrive(principal.tenant, sink, data.ids))

    @post(
        "/{sink:str}/dead-letters/purge",
        operation_id="purgeDeadLetters",
        status_code=200,
        responses=problems(404, 413, 415),
    )
    async def purge(
        self,
        sink: FromPath[str],
        principal: Injected[Principal],
        sinks_reader: Injected[SinksReader],
        data: JSONBody[Letters] = ALL,
    ) -> Affected:
        """Throw dead letters away."""
        return Affected(count=await sinks_reader.purge(principal.tenant, sink, data.ids))
