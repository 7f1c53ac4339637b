"""A worker's session with the server: it begins with a registration, lives by heartbeats and ends with a leave."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec
from yarl import URL

from scheduler_sdk.client_errors import SchedulerError
from scheduler_sdk.protocol.identity import is_older
from scheduler_sdk.protocol.link import MALFORMED, Link
from scheduler_sdk.wire import Heartbeat, HeartbeatAnswer, Lease, Leave, Registered, Registration, encode

logger = logging.getLogger("scheduler_sdk")

ANSWER_WITHIN = 15.0
LEAVE_WITHIN = 5.0

WRONG_ADDRESS = MALFORMED | {401, 403, 404, 405}
"""What a first registration does not retry: it is the operator who must mend these, and who is looking."""

_registered = msgspec.json.Decoder(Registered).decode
_heartbeat = msgspec.json.Decoder(HeartbeatAnswer).decode


class Session:
    """One registration, known to the server by a random instance id and a rising epoch."""

    def __init__(self, link: Link, registered: Registered, version: str) -> None:
        self._link = link
        self._version = version
        self._interval = registered.heartbeat_interval_seconds
        self._root = "/" + quote(registered.executor_id, safe="")
        self._warned = False
        self.executor_id = registered.executor_id
        self.epoch = registered.epoch

    @classmethod
    async def register(cls, link: Link, registration: Registration, *, first: bool) -> Session:
        """Begin a new session; repeated until the server answers.

        Raises `Refused` for what is malformed and, the first time, for what no waiting would mend.
        """
        registration.instance_id = str(uuid.uuid4())
        body = encode(registration)
        final = WRONG_ADDRESS if first else MALFORMED
        registered = await link.persist(link.url(""), lambda: body, _registered, ANSWER_WITHIN, final)
        registration.executor_id = registered.executor_id
        return cls(link, registered, registration.version)

    def url(self, verb: str) -> URL:
        return self._link.url(f"{self._root}/{verb}")

    async def beat(self, leases: Callable[[], Iterable[Lease]], heed: Callable[[HeartbeatAnswer], None]) -> None:
        """Send heartbeats for ever. Raises `SessionEnded` and `Superseded`."""
        # Workers that were started together do not stay in step.
        await asyncio.sleep(self._interval * random.uniform(0.5, 1.0))
        while True:
            answer = await self._link.persist(
                self.url("heartbeat"),
                lambda: encode(Heartbeat(self.epoch, list(leases()), datetime.now(UTC))),
                _heartbeat,
                ANSWER_WITHIN,
                final=frozenset(),
            )
            self._check(answer.minimum_client_version)
            heed(answer)
            await asyncio.sleep(self._interval)

    async def leave(self) -> None:
        """Tell the server, if it can be told now, that this session is over; it would notice by itself, only later."""
        try:
            await self._link.post(self.url("leave"), encode(Leave(self.epoch)), lambda _: None, LEAVE_WITHIN)
        except SchedulerError as error:
            logger.warning("executor %s could not take its leave: %s", self.executor_id, error)

    def _check(self, minimum: str | None) -> None:
        if minimum is not None and not self._warned and is_older(self._version, minimum):
            self._warned = True
            logger.warning("this worker's SDK %s is too old for the server, which wants %s", self._version, minimum)
