"""Opaque cursors: where a page ended, readable only by the list that gave them."""

from __future__ import annotations

import base64
import binascii
from hashlib import blake2s
from typing import Generic, TypeVar

import msgspec

from domain.shared.errors import FieldProblem, Invalid

Position = TypeVar("Position")


class InvalidCursor(Invalid):
    """The cursor is damaged, or another list (another filter, another order) gave it."""

    code = "INVALID_CURSOR"

    def __init__(self) -> None:
        detail = "This cursor is not one of this list. Take nextCursor of a page asked for with the same filters."
        super().__init__(FieldProblem("", self.code, detail))


class Cursors(Generic[Position]):
    """The cursors of one list.

    `position` is the type of what the list is ordered by; `name` and `shows` (its filter, a plain value) tell it from
    others.
    """

    def __init__(self, name: str, shows: object, position: type[Position]) -> None:
        text = msgspec.json.encode((name, shows), order="deterministic")
        self._list = blake2s(text, digest_size=6).hexdigest()
        self._type: type[tuple[str, Position]] = tuple[str, position]  # type: ignore[valid-type]

    def at(self, position: Position) -> str:
        """The cursor of a page that ends at `position`."""
        return base64.urlsafe_b64encode(msgspec.json.encode((self._list, position))).decode().rstrip("=")

    def position(self, cursor: str) -> Position:
        """Where the page before ended. Raises `InvalidCursor`."""
        try:
            text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            of, position = msgspec.json.decode(text, type=self._type)
        except (binascii.Error, ValueError, msgspec.DecodeError):
            raise InvalidCursor from None
        if of != self._list:
            raise InvalidCursor
        return position
