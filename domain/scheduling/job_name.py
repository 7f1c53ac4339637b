"""What a job may be called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

from domain.shared.errors import FieldProblem

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
RESERVED_NAMES = frozenset({"active", "preview", "validate"})
"""Words that stand in the place of a job's name in a path."""


def name_problems(name: str) -> Iterator[FieldProblem]:
    """What is wrong with it, if anything."""
    if not _NAME.fullmatch(name) or _is_uuid(name) or name in RESERVED_NAMES:
        yield FieldProblem(
            "/name",
            "INVALID_NAME",
            f"Job name {name!r} must be 1 to 128 of a-z 0-9 . _ - and begin with a letter or digit;"
            f" no UUID, none of {', '.join(sorted(RESERVED_NAMES))}.",
        )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
