"""Who calls."""

from __future__ import annotations

from dataclasses import dataclass

from domain.shared.ids import DEFAULT_TENANT, TenantId


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller as far as use cases care: whose rows it sees, and the name that stands in audit fields."""

    tenant: TenantId
    name: str


LOCAL = Principal(DEFAULT_TENANT, "local")
"""Whoever can reach a platform that listens on loopback only."""
