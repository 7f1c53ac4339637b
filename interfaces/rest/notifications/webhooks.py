"""Webhooks: addresses that are told of events, by default of what goes wrong."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.params import FromPath, JSONBody

from application.notifications.webhooks import Webhooks, WebhookWish
from application.shared.principal import Principal
from domain.notifications.webhook import Webhook
from interfaces.rest.bodies import Body
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected

Kind = Annotated[str, msgspec.Meta(min_length=1, max_length=200, examples=["OccurrenceDecided:MISSED"])]


class WebhookBody(Body, frozen=True, kw_only=True):
    """What is sent to `url`. No `events`: failures, time-outs, missed fires and overdue schedules.

    `events` are types of events, each alone or with a decision, status or ailment: `OccurrenceDecided:MISSED`. `job`,
    by name or id: only what is about this job.
    """

    name: Annotated[str, msgspec.Meta(max_length=128, examples=["on-call"])]
    url: Annotated[str, msgspec.Meta(max_length=2000, examples=["https://alarms.example.com/scheduler"])]
    events: Annotated[Sequence[Kind], msgspec.Meta(max_length=50)] | None = None
    job: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None


class WebhookView(msgspec.Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """`sink` is the name under which `/sinks` shows how far it is and what its receiver refused.

    `secret` is there only in the answer to the request that made it: what is sent is signed with it, as Standard
    Webhooks describes. Until `previousSecretUntil` it is signed with the secret before, too.
    """

    name: str
    url: str
    events: Sequence[str]
    sink: str
    created_at: datetime | None
    job_id: UUID | None = None
    previous_secret_until: datetime | None = None
    secret: str | None = None


class WebhookList(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """All of them, by name."""

    items: Sequence[WebhookView]
    next_cursor: str | None = None


class WebhookController(Controller):
    """Deliveries come at least once and in order; one that is refused five times becomes a dead letter of the sink."""

    path = "/webhooks"
    tags = ("Events",)

    @post("/", operation_id="createWebhook", responses=problems(404, 409, 413, 415, 422))
    async def add(
        self, data: JSONBody[WebhookBody], principal: Injected[Principal], webhooks: Injected[Webhooks]
    ) -> Response[WebhookView]:
        """Be told of events. The answer has the secret, which is never shown again."""
        wish = WebhookWish(name=data.name, url=data.url, events=data.events, job=data.job)
        made = await webhooks.add(principal, wish)
        view = _view(made, secret=made.secret)
        return Response(view, status_code=201, headers={"Location": f"/api/v1/webhooks/{made.name}"})

    @get("/", operation_id="listWebhooks", responses=problems())
    async def all(self, principal: Injected[Principal], webhooks: Injected[Webhooks]) -> WebhookList:
        """Who is told of what."""
        return WebhookList(items=[_view(webhook) for webhook in await webhooks.all(principal)])

    @get("/{webhook:str}", operation_id="getWebhook", responses=problems(404))
    async def one(
        self, webhook: FromPath[str], principal: Injected[Principal], webhooks: Injected[Webhooks]
    ) -> WebhookView:
        """One of them."""
        return _view(await webhooks.get(principal, webhook))

    @post("/{webhook:str}/rotate-secret", operation_id="rotateWebhookSecret", status_code=200, responses=problems(404))
    async def rotate(
        self, webhook: FromPath[str], principal: Injected[Principal], webhooks: Injected[Webhooks]
    ) -> WebhookView:
        """Sign with a new secret, which only this answer shows; for a day also with the one before."""
        changed = await webhooks.replace_secret(principal, webhook)
        return _view(changed, secret=changed.secret)

    @delete("/{webhook:str}", operation_id="deleteWebhook", status_code=200, responses=problems(404))
    async def remove(
        self, webhook: FromPath[str], principal: Injected[Principal], webhooks: Injected[Webhooks]
    ) -> WebhookView:
        """Send nothing any more, and throw its dead letters away."""
        return _view(await webhooks.remove(principal, webhook))


def _view(webhook: Webhook, secret: str | None = None) -> WebhookView:
    return WebhookView(
        name=webhook.name,
        url=webhook.url,
        events=[str(pattern) for pattern in webhook.patterns],
        sink=webhook.sink,
        created_at=webhook.created_at,
        job_id=webhook.job_id,
        previous_secret_until=webhook.previous_until,
        secret=secret,
    )
