"""Keys that are made of a task's parameters: `report-${param.customer}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.shared.errors import FieldProblem, Invalid
from domain.shared.text import control_characters

LONGEST_TEMPLATE: Final = 200
LONGEST_KEY: Final = 256

OWN_SLOT: Final = "overlap:"
"""Begins the key of the one slot that the fires of a job share which take turns."""

_PLACE = re.compile(r"\$\{([^}]*)\}")
_PARAMETER = re.compile(r"param\.([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)")


@dataclass(frozen=True, slots=True)
class KeyTemplate:
    """Text with places `${param.NAME}` and `${param.NAME.MEMBER}`. Raises `Invalid` with the offset of a bad one."""

    text: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.text) <= LONGEST_TEMPLATE:
            raise Invalid(FieldProblem("", "INVALID_KEY", f"A key has 1 to {LONGEST_TEMPLATE} characters."))
        if self.text.startswith(OWN_SLOT):
            raise Invalid(FieldProblem("", "INVALID_KEY", f"Keys that begin with {OWN_SLOT!r} are the platform's own."))
        if problems := list(control_characters("", [self.text])):
            raise Invalid(*problems)
        for place in _PLACE.finditer(self.text):
            if not _PARAMETER.fullmatch(place[1]):
                detail = f"{place[0]} names nothing; a key may have places like ${{param.customer}}."
                raise Invalid(FieldProblem("", "INVALID_KEY", detail, place.start()))
        if (open_ := _PLACE.sub(lambda found: "-" * len(found[0]), self.text).find("${")) >= 0:
            raise Invalid(FieldProblem("", "INVALID_KEY", "A place that begins with ${ must end with }.", open_))

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same for all tasks."""
        return "${" not in self.text

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that its places take something from."""
        return frozenset(place[1].split(".")[0] for place in _PARAMETER.finditer(self.text))

    def missing(self, parameters: Mapping[str, object]) -> str | None:
        """The first parameter that it needs and that has no single value there."""
        return next((p[1] for p in _PARAMETER.finditer(self.text) if _value(parameters, p[1]) is None), None)

    def filled(self, parameters: Mapping[str, object]) -> str:
        """The key for a task with these parameters; what is missing there stays empty. Never one of the platform's."""
        key = _PLACE.sub(lambda place: _value(parameters, place[1].removeprefix("param.")) or "", self.text)
        key = key.replace("\0", "")
        return f"_{key}"[:LONGEST_KEY] if key.startswith(OWN_SLOT) else key[:LONGEST_KEY]


def _value(parameters: Mapping[str, object], path: str) -> str | None:
    value: object = parameters
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
