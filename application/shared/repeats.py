"""Requests that may be sent again, because nobody heard the answer: each takes effect once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from application.shared.principal import Principal
from domain.shared.errors import Conflict, FieldProblem, Invalid

KEPT = timedelta(hours=24)
"""How long a key is known."""

LONGEST_FLIGHT = timedelta(minutes=1)
"""After this a request without an answer counts as cut off."""


class RequestInFlight(Conflict):
    """A request with this Idempotency-Key is being worked on."""

    code = "IDEMPOTENCY_IN_FLIGHT"

    def __init__(self, key: str) -> None:
        super().__init__(f"The request with Idempotency-Key {key!r} is being worked on. Send it again in a moment.")


class OutcomeUnknown(Conflict):
    """The server was cut off while it worked on the request with this Idempotency-Key, or failed."""

    code = "IDEMPOTENCY_OUTCOME_UNKNOWN"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The server was interrupted in the request with Idempotency-Key {key!r}, maybe after it took effect. Look"
            " whether what you asked for is there; if not, ask with another key."
        )


class KeyReused(Invalid):
    """Another request has had this Idempotency-Key within 24 hours."""

    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self, key: str) -> None:
        detail = f"Idempotency-Key {key!r} belongs to a request with other content. Use a new key for a new request."
        super().__init__(FieldProblem("", self.code, detail))


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """What a caller calls a request: its key is its own, and for one operation."""

    principal: Principal
    operation: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Repeats(Protocol):
    """Remembers requests with a key, each write in a transaction of its own. Raises `StoreUnavailable`."""

    @abstractmethod
    async def begin(self, request: RequestKey, fingerprint: str) -> Answer | None:
        """None if the request is new and now in flight, else what was answered to it.

        Raises `KeyReused` if the fingerprint is another one, `RequestInFlight`, and `OutcomeUnknown` if it has been in
        flight for longer than a request takes: whether it took effect is not known, so it is not done again.
        """

    @abstractmethod
    async def answered(self, request: RequestKey, answer: Answer) -> None:
        """It took effect, and this was the answer."""

    @abstractmethod
    async def refused(self, request: RequestKey) -> None:
        """It took no effect; the key is free again."""

    @abstractmethod
    async def forget(self) -> int:
        """Drop what is older than it needs to be kept; how many."""
