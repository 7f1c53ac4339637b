"""Webhooks come and go with their sinks, and each belongs to its tenant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from domain.notifications.errors import TooManyWebhooks, WebhookNameTaken, WebhookNotFound
from domain.notifications.pattern import Pattern
from domain.notifications.webhook import MOST_WEBHOOKS, ROTATION, Webhook
from domain.shared.ids import DEFAULT_TENANT, TenantId
from infrastructure.sql.engine import Store
from infrastructure.sql.event_log import SqlEventLog
from infrastructure.sql.notifications.sink_book import SqlSinkBook
from infrastructure.sql.notifications.sink_tables import sinks
from infrastructure.sql.notifications.webhook_book import SqlWebhookBook
from tests.contract.builders import rows
from tests.contract.test_event_log import tell

OTHER = TenantId("other")


@pytest.fixture
def book(store: Store) -> SqlWebhookBook:
    return SqlWebhookBook(store, SqlEventLog(store))


def webhook(name: str = "w", **fields: Any) -> Webhook:
    given = {"id": uuid4(), "tenant": DEFAULT_TENANT, "name": name, "url": "https://a.example", "secret": "whsec_YQ=="}
    return Webhook(**{**given, **fields})


async def test_a_webhook_is_kept_as_it_was_made(book: SqlWebhookBook) -> None:
    made = webhook(job_id=uuid4(), patterns=(Pattern("TaskFailed"), Pattern("OccurrenceDecided", "MISSED")))
    added = await book.add(made)
    assert added.created_at is not None
    assert replace(added, created_at=None) == made
    assert await book.get(DEFAULT_TENANT, "w") == added
    assert await book.all() == await book.of(DEFAULT_TENANT) == [added]


async def test_tenants_do_not_see_or_change_each_others(book: SqlWebhookBook) -> None:
    mine, theirs = await book.add(webhook()), await book.add(webhook(tenant=OTHER))
    assert (await book.of(DEFAULT_TENANT), await book.of(OTHER)) == ([mine], [theirs])
    await book.remove(OTHER, "w")
    assert await book.all() == [mine]
    for refused in (book.get(OTHER, "w"), book.remove(OTHER, "w"), book.replace_secret(OTHER, "w", "whsec_Yg==")):
        with pytest.raises(WebhookNotFound):
            await refused


async def test_a_name_is_taken_once_and_free_again(book: SqlWebhookBook) -> None:
    await book.add(webhook())
    with pytest.raises(WebhookNameTaken):
        await book.add(webhook())
    await book.remove(DEFAULT_TENANT, "w")
    await book.add(webhook())


async def test_the_secret_before_signs_for_a_day(book: SqlWebhookBook) -> None:
    await book.add(webhook())
    changed = await book.replace_secret(DEFAULT_TENANT, "w", "whsec_Yg==")
    until = changed.previous_until
    assert until is not None
    assert changed.secrets_at(until - ROTATION) == ("whsec_Yg==", "whsec_YQ==")
    assert changed.secrets_at(until) == ("whsec_Yg==",)
    again = await book.replace_secret(DEFAULT_TENANT, "w", "whsec_Yw==")
    assert again.secrets_at(until - ROTATION) == ("whsec_Yw==", "whsec_Yg==")


async def test_its_sink_begins_where_it_is_made_and_goes_with_it(store: Store, book: SqlWebhookBook) -> None:
    log = SqlEventLog(store)
    await tell(store, "OLD")
    end = await log.end()
    made = await book.add(webhook())
    await tell(store, "NEW")
    record = await SqlSinkBook(store, log).open(made.sink, made.tenant, 5)
    assert record is not None
    assert (record.position, record.tenant) == (end, DEFAULT_TENANT)
    await book.remove(DEFAULT_TENANT, "w")
    assert await rows(store, sinks) == []


async def test_a_tenant_has_only_so_many(store: Store, book: SqlWebhookBook) -> None:
    await book.add(webhook("w0"))
    copies = sa.text(
        "INSERT INTO webhooks (id, tenant, name, url, events, secret, created_at)"
        " SELECT :id, tenant, :name, url, events, secret, created_at FROM webhooks WHERE name = 'w0'"
    ).bindparams(sa.bindparam("id", type_=sa.Uuid))
    async with store.engine.begin() as connection:
        for n in range(1, MOST_WEBHOOKS):
            await connection.execute(copies, {"id": uuid4(), "name": f"w{n}"})
    with pytest.raises(TooManyWebhooks, match="100"):
        await book.add(webhook())
    await book.add(webhook(tenant=OTHER))
