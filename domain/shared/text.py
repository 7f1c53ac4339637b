"""What short texts may be made of: names, keys and labels, which end up in logs, terminals, headers and indexes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from domain.shared.errors import FieldProblem

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def control_characters(pointer: str, texts: Iterable[str]) -> Iterator[FieldProblem]:
    """A problem for each text that has one: NUL cannot be stored, the others break lines and terminals."""
    for text in texts:
        if found := _CONTROL.search(text):
            detail = f"{text[:100]!r} contains the control character U+{ord(found[0]):04X} at {found.start()}."
            yield FieldProblem(pointer, "CONTROL_CHARACTER", detail, found.start())
