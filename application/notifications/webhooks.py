"""Webhooks: made, looked at, given new secrets, taken away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from application.notifications.ports import JobLookup
from application.shared.ids import Ids
from application.shared.principal import Principal
from application.shared.wake_up import OUTBOX, WakeUp
from domain.notifications.pattern import ALARMS, Pattern
from domain.notifications.ports.webhook_book import WebhookBook
from domain.notifications.webhook import Webhook
from domain.shared.errors import FieldProblem, Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookWish:
    """No `events`: what goes wrong. `job`: only what is about this one; its name or id."""

    name: str
    url: str
    events: Sequence[str] | None = None
    job: str | None = None


class Webhooks:
    """Of the caller's tenant. A secret is told when it is made, and never again."""

    def __init__(
        self,
        book: WebhookBook,
        jobs: JobLookup,
        known: Collection[str],
        ids: Ids,
        new_secret: Callable[[], str],
        wake_up: WakeUp,
    ) -> None:
        self._book = book
        self._jobs = jobs
        self._known = known
        self._ids = ids
        self._new_secret = new_secret
        self._wake_up = wake_up

    async def add(self, principal: Principal, wish: WebhookWish) -> Webhook:
        """Raises `Invalid`, `JobNotFound`, `WebhookNameTaken`, `TooManyWebhooks`."""
        webhook = Webhook(
            id=self._ids.new(),
            tenant=principal.tenant,
            name=wish.name,
            url=wish.url,
            secret=self._new_secret(),
            patterns=ALARMS if wish.events is None else self._patterns(wish.events),
            job_id=None if wish.job is None else await self._jobs.id_of(principal.tenant, wish.job),
        )
        added = await self._book.add(webhook)
        self._wake_up.signal(OUTBOX)
        return added

    async def all(self, principal: Principal) -> Sequence[Webhook]:
        """By name."""
        return await self._book.of(principal.tenant)

    async def get(self, principal: Principal, name: str) -> Webhook:
        """Raises `WebhookNotFound`."""
        return await self._book.get(principal.tenant, name)

    async def replace_secret(self, principal: Principal, name: str) -> Webhook:
        """With a new one; for a day what is sent is signed with both. Raises `WebhookNotFound`."""
        return await self._book.replace_secret(principal.tenant, name, self._new_secret())

    async def remove(self, principal: Principal, name: str) -> Webhook:
        """Nothing is sent any more, and its dead letters are gone. Raises `WebhookNotFound`."""
        return await self._book.remove(principal.tenant, name)

    def _patterns(self, events: Sequence[str]) -> tuple[Pattern, ...]:
        found: list[Pattern] = []
        problems: list[FieldProblem] = []
        for number, text in enumerate(events):
            try:
                found.append(Pattern.read(text, self._known, f"/events/{number}"))
            except Invalid as refusal:
                problems += refusal.problems
        if problems:
            raise Invalid(*problems)
        return tuple(found)
