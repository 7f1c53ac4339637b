"""Addresses that are told when something goes wrong: whose they are, and which events they get."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from domain.notifications.message import Message
from domain.notifications.pattern import ALARMS, Pattern
from domain.shared.errors import FieldProblem, raise_all
from domain.shared.ids import TenantId

MOST_WEBHOOKS: Final = 100
"""Of a tenant. Each is served by itself, so that one that is slow holds up no other."""

ROTATION: Final = timedelta(days=1)
"""For so long what is sent is signed with the secret before, too."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}\Z")
_LONGEST_URL: Final = 2000
_MOST_PATTERNS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """What is sent to `url`: the events of a tenant, or of one job, that one of the patterns means.

    `secret` signs it; until `previous_until` also the secret that this one replaced. Only whoever makes or replaces a
    secret is told it.
    """

    id: UUID
    tenant: TenantId
    name: str
    url: str
    secret: str
    patterns: tuple[Pattern, ...] = ALARMS
    job_id: UUID | None = None
    created_at: datetime | None = None
    previous_secret: str | None = None
    previous_until: datetime | None = None

    def __post_init__(self) -> None:
        problems = []
        if not _NAME.match(self.name):
            told = f"{self.name!r} is no name: use 1 to 128 of a-z, 0-9, '.', '_' and '-', a letter or digit first."
            problems.append(FieldProblem("/name", "INVALID_NAME", told))
        if why := _wrong_with(self.url):
            problems.append(
                FieldProblem("/url", "INVALID_URL", f"{why} Write it like https://alarms.example.com/hook.")
            )
        if not 1 <= len(self.patterns) <= _MOST_PATTERNS:
            told = f"Name 1 to {_MOST_PATTERNS} kinds of events, or leave `events` out to be told what goes wrong."
            problems.append(FieldProblem("/events", "INVALID_EVENTS", told))
        raise_all(problems)

    @property
    def sink(self) -> str:
        """The name of its sink, under which its progress and its dead letters are found."""
        return f"webhook-{self.id}"

    def wants(self, message: Message) -> bool:
        """Whether it is sent this event."""
        return (
            message.tenant == self.tenant
            and (self.job_id is None or message.is_about_job(str(self.job_id)))
            and any(pattern.matches(message) for pattern in self.patterns)
        )

    def secrets_at(self, now: datetime) -> tuple[str, ...]:
        """What is sent now is signed with each of these, the newest first."""
        old = self.previous_secret
        if old is None or self.previous_until is None or now >= self.previous_until:
            return (self.secret,)
        return (self.secret, old)


def _wrong_with(url: str) -> str | None:
    if len(url) > _LONGEST_URL or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        return f"A URL has at most {_LONGEST_URL} characters of ASCII, without blanks."
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"This is no URL: {error}."
    if parts.scheme not in ("http", "https") or not host:
        return "Only addresses that begin with http:// or https:// and name a host can be called."
    if parts.username is not None or parts.password is not None:
        return "A URL with a user's name or password would show it to everybody who may look; what is sent is signed."
    return "What is behind # is never sent." if parts.fragment else None
