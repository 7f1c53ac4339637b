"""The names of what lies in Redis."""

from __future__ import annotations

from dataclasses import dataclass

from domain.shared.ids import DEFAULT_TENANT, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """`of:{tenantId}:job-lock:{environment}:{lockName}`: parts joined by colons.

    The braces around the tenant are literal, so that a Redis Cluster keeps all of a tenant's keys in one place;
    `hash_tag` leaves them out, which only a Redis that is no Cluster can live with.
    """

    prefix: str = "of"
    hash_tag: bool = True
    lock_prefix: str = "job-lock"
    environment: str = "default"

    def lock(self, tenant: TenantId, name: str) -> str:
        """The lock itself; it is gone when the lock is free."""
        return self._of(tenant, self.lock_prefix, self.environment, name)

    def lock_holders(self, tenant: TenantId) -> str:
        """A hash: what is known of the last holder of each lock."""
        return self._of(tenant, f"{self.lock_prefix}-holders", self.environment)

    @property
    def beats(self) -> str:
        """A sorted set: the sessions by their last beat."""
        return self._shared("heartbeats")

    @property
    def events(self) -> str:
        """The stream of all events."""
        return self._shared("events")

    @property
    def wake_ups(self) -> str:
        """The channel of hints between nodes."""
        return self._shared("wake-ups")

    @property
    def check(self) -> str:
        """What is written to see whether that works."""
        return self._shared("check")

    def _shared(self, *parts: str) -> str:
        """What belongs to the platform and not to a tenant; beside the locks of the default one."""
        return self._of(DEFAULT_TENANT, "scheduler", self.environment, *parts)

    def _of(self, tenant: TenantId, *parts: str) -> str:
        owner = f"{{{tenant}}}" if self.hash_tag else tenant
        return ":".join((self.prefix.strip(":"), owner, *parts))
