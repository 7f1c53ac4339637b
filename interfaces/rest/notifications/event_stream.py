"""Events as they happen, over Server-Sent Events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from application.notifications.cloud_event import encoded
from application.notifications.event_feed import EventFeed
from application.shared.draining import Draining
from application.shared.errors import StoreUnavailable
from application.shared.wake_up import DRAIN, OUTBOX, WakeUp
from domain.notifications.errors import EventsAgedOut
from domain.notifications.message import Message, Position
from domain.notifications.pattern import Pattern
from domain.shared.ids import TenantId

MEDIA_TYPE: Final = "text/event-stream"

RECHECK_SECONDS: Final = 2.0
"""A hint may be lost."""

PING_RECHECKS: Final = 7
"""So many times without an event, and a comment shows that the connection lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a follower gets; no patterns and no job: everything of the tenant."""

    tenant: TenantId
    patterns: Sequence[Pattern] = ()
    job_id: str | None = None

    def takes(self, message: Message) -> bool:
        return (
            message.tenant == self.tenant
            and (self.job_id is None or message.is_about_job(self.job_id))
            and (not self.patterns or any(pattern.matches(message) for pattern in self.patterns))
        )


class EventStream:
    """One follower. Begins with a comment, so that it can be seen to be connected."""

    def __init__(self, feed: EventFeed, wake_up: WakeUp, draining: Draining, wanted: Wanted) -> None:
        self._feed = feed
        self._wake_up = wake_up
        self._draining = draining
        self._wanted = wanted

    async def open(self, last: Position | None) -> AsyncIterator[bytes]:
        """What follows `last`, or what comes from now on. Raises `EventsAgedOut` while a status can be answered."""
        if last is not None and not await self._feed.holds(last):
            raise EventsAgedOut(str(last))
        return self._events(await self._feed.end() if last is None else last)

    async def _events(self, position: Position) -> AsyncIterator[bytes]:
        quiet = 0
        yield b": connected\n\n"
        with self._wake_up.listen([OUTBOX, DRAIN]) as listener:
            while not self._draining.is_on:
                try:
                    found = await self._feed.after(position)
                except StoreUnavailable:
                    return  # whoever follows connects again with the last id, and is told then what is wrong
                if found:
                    position = found[-1].position
                if wanted := [message for message in found if self._wanted.takes(message)]:
                    yield b"".join(_framed(message) for message in wanted)
                    quiet = 0
                if not found:
                    hinted = await listener.wait(RECHECK_SECONDS)
                    quiet = quiet if hinted else quiet + 1
                if quiet >= PING_RECHECKS:
                    yield b": ping\n\n"
                    quiet = 0


def _framed(message: Message) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (
        str(message.position).encode(),
        message.type.encode(),
        encoded(message),
    )
