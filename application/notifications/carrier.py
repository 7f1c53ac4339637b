"""Carries events to one sink, under the lock of that sink."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from application.notifications.lease import Lease
from application.shared.clock import Clock
from application.shared.errors import StoreUnavailable
from application.shared.ids import Ids
from domain.notifications.message import Message
from domain.notifications.ports.event_log import EventLog
from domain.notifications.ports.sink import Sink
from domain.notifications.ports.sink_book import SinkBook
from domain.notifications.sink import (
    MOST_ATTEMPTS,
    DeadLetter,
    MessageRefused,
    SinkRecord,
    SinkUnavailable,
    wait_after_refusal,
    wait_after_silence,
)

log = logging.getLogger(__name__)

COMMITS: Final = 200
"""Read at once."""

ANSWER_SECONDS: Final = 15.0
"""What a sink does not acknowledge within this is not known to have arrived; less than half of a lease."""


class Carrier:
    """At least once, in order. Only whoever has the lease reads and publishes; the token of it guards the record."""

    def __init__(self, sink: Sink, log_: EventLog, book: SinkBook, lease: Lease, ids: Ids, clock: Clock) -> None:
        self.sink = sink
        self._log = log_
        self._book = book
        self._lease = lease
        self._ids = ids
        self._clock = clock
        self._record: SinkRecord | None = None
        self._silences = 0
        self._not_before = 0.0

    @property
    def rest(self) -> float:
        """Seconds for which there is no use in trying."""
        return max(0.0, self._not_before - asyncio.get_running_loop().time())

    async def carry(self) -> None:
        """All that there is, or up to the first obstacle. Raises `StoreUnavailable`."""
        if self.rest or not await self._lead():
            return
        await self._send_letters()
        while not self.rest and await self._lead():
            batch = await self._log.after(self._known.position, COMMITS)
            if not batch:
                return
            if await self._publish([message for message in batch if self.sink.wants(message)]):
                await self._move(replace(self._known, position=batch[-1].position, attempts=0, error=None))

    async def close(self) -> None:
        """Let another node go on at once."""
        with contextlib.suppress(StoreUnavailable):
            await self._lease.give_back()

    @property
    def _known(self) -> SinkRecord:
        if self._record is None:
            raise RuntimeError("the sink is not led")
        return self._record

    async def _lead(self) -> bool:
        before = self._lease.token
        token = await self._lease.hold()
        if token is None:
            self._record = None
        elif token != before or self._record is None:
            self._record = await self._book.open(self.sink.name, self.sink.tenant, token)
        return self._record is not None

    async def _publish(self, wanted: Sequence[Message]) -> bool:
        """Whether all have arrived, or died."""
        done = 0
        while done < len(wanted):
            if not await self._lead():
                return False
            some = wanted[done : done + self.sink.most]
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self.sink.publish(some)
            except MessageRefused as refusal:
                if not await self._arrived(some[: refusal.acknowledged]):
                    return False
                if not await self._refused(some[refusal.acknowledged], str(refusal)):
                    return False
                done += refusal.acknowledged + 1
            except SinkUnavailable as silence:
                if await self._arrived(some[: silence.acknowledged]):
                    await self._wait(str(silence), silence.after)
                return False
            except TimeoutError:
                await self._wait(f"no answer within {ANSWER_SECONDS:g} s", None)
                return False
            else:
                if not await self._arrived(some):
                    return False
                done += len(some)
        return True

    async def _arrived(self, messages: Sequence[Message]) -> bool:
        """Whether this node still leads."""
        if not messages:
            return True
        self._silences = 0
        return await self._move(replace(self._known, position=messages[-1].position, attempts=0, error=None))

    async def _refused(self, message: Message, why: str) -> bool:
        """Whether it goes on without the event."""
        self._silences = 0
        attempts = self._known.attempts + 1
        if attempts < MOST_ATTEMPTS:
            self._pause(wait_after_refusal(attempts))
            await self._move(replace(self._known, attempts=attempts, error=why))
            return False
        log.error("%s refuses event %s for good, it is a dead letter now: %s", self.sink.name, message.position, why)
        letter = DeadLetter(
            id=self._ids.new(),
            sink=self.sink.name,
            message=message,
            attempts=attempts,
            error=why,
            died_at=self._clock.now(),
        )
        after = replace(self._known, position=message.position, attempts=0, error=None)
        return self._became(after, await self._book.bury(letter, after, self._token))

    async def _wait(self, why: str, after: float | None) -> None:
        self._silences += 1
        self._pause(after or wait_after_silence(self._silences))
        if self._silences == 1:
            log.warning("%s cannot be reached, its events wait: %s", self.sink.name, why)
        if self._known.error != why:
            await self._move(replace(self._known, error=why))

    async def _send_letters(self) -> None:
        for letter in await self._book.letters_due(self.sink.name, COMMITS):
            if not await self._lead():
                return
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self.sink.publish([letter.message])
            except MessageRefused as refusal:
                await self._book.letter_refused(letter.id, str(refusal))
            except (SinkUnavailable, TimeoutError) as silence:
                await self._wait(str(silence) or "no answer", None)
                return
            else:
                await self._book.letter_sent(letter.id)

    def _pause(self, seconds: float) -> None:
        self._not_before = asyncio.get_running_loop().time() + seconds

    @property
    def _token(self) -> int:
        return self._lease.token or 0

    async def _move(self, record: SinkRecord) -> bool:
        return self._became(record, await self._book.move(record, self._token))

    def _became(self, record: SinkRecord, accepted: bool) -> bool:
        if not accepted:
            self._lease.forget()
        self._record = record if accepted else None
        return accepted
