"""The webhooks that there are, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from domain.notifications.errors import TooManyWebhooks, WebhookNameTaken, WebhookNotFound
from domain.notifications.pattern import Pattern
from domain.notifications.ports.event_log import EventLog
from domain.notifications.ports.webhook_book import WebhookBook
from domain.notifications.webhook import MOST_WEBHOOKS, ROTATION, Webhook
from domain.shared.ids import TenantId
from infrastructure.sql.engine import Store
from infrastructure.sql.insert import insert
from infrastructure.sql.notifications.sink_tables import sink_letters, sinks
from infrastructure.sql.notifications.webhook_tables import webhooks
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_w = webhooks.c


class SqlWebhookBook(WebhookBook):
    """A webhook comes and goes together with what is kept about its sink."""

    def __init__(self, store: Store, log: EventLog) -> None:
        self._store = store
        self._log = log

    async def add(self, webhook: Webhook) -> Webhook:
        end = await self._log.end()  # before it exists: it may be sent more than it should, never less
        async with self._work() as work:
            counted = sa.select(sa.func.count()).select_from(webhooks).where(_w.tenant == webhook.tenant)
            if (await work.execute(counted)).scalar_one() >= MOST_WEBHOOKS:
                raise TooManyWebhooks(MOST_WEBHOOKS)
            row = {
                "id": webhook.id,
                "tenant": webhook.tenant,
                "name": webhook.name,
                "url": webhook.url,
                "events": msgspec.json.encode([str(pattern) for pattern in webhook.patterns]).decode(),
                "job_id": webhook.job_id,
                "secret": webhook.secret,
                "created_at": work.now,
            }
            unless_taken = insert(work.dialect, webhooks).values(row).on_conflict_do_nothing()
            added = (await work.execute(unless_taken.returning(webhooks))).one_or_none()
            if added is None:
                raise WebhookNameTaken(webhook.name)
            place = {"seq": end.seq, "nth": end.index, "token": 0, "moved_at": work.now}
            await work.execute(sa.insert(sinks).values(name=webhook.sink, tenant=webhook.tenant, **place))
            await work.commit()
        return _webhook(added)

    async def all(self) -> Sequence[Webhook]:
        return await self._some(sa.true())

    async def of(self, tenant: TenantId) -> Sequence[Webhook]:
        return await self._some(_w.tenant == tenant)

    async def get(self, tenant: TenantId, name: str) -> Webhook:
        found = await self._some(_w.tenant == tenant, _w.name == name)
        if not found:
            raise WebhookNotFound(name)
        return found[0]

    async def replace_secret(self, tenant: TenantId, name: str, secret: str) -> Webhook:
        async with self._work() as work:
            change = {"secret": secret, "previous_secret": _w.secret, "previous_until": work.now + ROTATION}
            replace = sa.update(webhooks).where(_w.tenant == tenant, _w.name == name).values(change)
            row = (await work.execute(replace.returning(webhooks))).one_or_none()
            if row is None:
                raise WebhookNotFound(name)
            await work.commit()
        return _webhook(row)

    async def remove(self, tenant: TenantId, name: str) -> Webhook:
        async with self._work() as work:
            remove = sa.delete(webhooks).where(_w.tenant == tenant, _w.name == name)
            row = (await work.execute(remove.returning(webhooks))).one_or_none()
            if row is None:
                raise WebhookNotFound(name)
            removed = _webhook(row)
            await work.execute(sa.delete(sinks).where(sinks.c.name == removed.sink))
            await work.execute(sa.delete(sink_letters).where(sink_letters.c.sink == removed.sink))
            await work.commit()
        return removed

    async def _some(self, *which: sa.ColumnElement[bool]) -> Sequence[Webhook]:
        async with self._work() as work:
            query = sa.select(webhooks).where(*which).order_by(_w.tenant, _w.name)
            return [_webhook(row) for row in await work.execute(query)]

    def _work(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self._store, "notifications")


def _webhook(row: sa.Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        tenant=TenantId(row.tenant),
        name=row.name,
        url=row.url,
        secret=row.secret,
        patterns=tuple(_pattern(text) for text in msgspec.json.decode(row.events, type=list[str])),
        job_id=row.job_id,
        created_at=row.created_at,
        previous_secret=row.previous_secret,
        previous_until=row.previous_until,
    )


def _pattern(text: str) -> Pattern:
    """As it was written; a type that this version does not have matches nothing."""
    type_, _, detail = text.partition(":")
    return Pattern(type_, detail or None)
