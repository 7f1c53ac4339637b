"""Names of things that every context shares."""

from __future__ import annotations

from typing import NewType

TenantId = NewType("TenantId", str)
DEFAULT_TENANT = TenantId("default")
