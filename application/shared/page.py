"""Lists, page by page."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], rename="camel", frozen=True):
    """One page. `next_cursor` is opaque and None on the last one."""

    items: list[Item]
    next_cursor: str | None = None
