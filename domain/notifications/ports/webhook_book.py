"""The webhooks that there are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.notifications.webhook import Webhook
from domain.shared.ids import TenantId


class WebhookBook(Protocol):
    """Each call is a unit of work of its own. Raises `StoreUnavailable`."""

    @abstractmethod
    async def add(self, webhook: Webhook) -> Webhook:
        """The same, with its time of birth. It is sent what happens from now on.

        Raises `WebhookNameTaken`, `TooManyWebhooks`.
        """

    @abstractmethod
    async def all(self) -> Sequence[Webhook]:
        """Of every tenant."""

    @abstractmethod
    async def of(self, tenant: TenantId) -> Sequence[Webhook]:
        """By name."""

    @abstractmethod
    async def get(self, tenant: TenantId, name: str) -> Webhook:
        """Raises `WebhookNotFound`."""

    @abstractmethod
    async def replace_secret(self, tenant: TenantId, name: str, secret: str) -> Webhook:
        """With the new one; the one before signs for `ROTATION` as well. Raises `WebhookNotFound`."""

    @abstractmethod
    async def remove(self, tenant: TenantId, name: str) -> Webhook:
        """With its dead letters; as it was. Raises `WebhookNotFound`."""
