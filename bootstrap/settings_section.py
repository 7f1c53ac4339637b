"""What all branches of the settings have in common."""

from __future__ import annotations

import msgspec


class Section(msgspec.Struct, rename="kebab", frozen=True, kw_only=True):
    """A branch of the tree. A field is a setting or another branch; `allowed` states what its type cannot."""
