"""Types of triggers that installed packages add."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Final

import msgspec

from application.scheduling.triggers.bounded import BoundedDocument
from domain.timing.trigger import Trigger

GROUP: Final = "scheduler.triggers"
"""The entry points of this group name a `TriggerType` each."""

_OF: Final = "of"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TriggerType:
    """A trigger and how it is written: `document` has the trigger's `kind` as its tag, a `trigger()` and an `of()`."""

    trigger: type[Trigger]
    document: type[BoundedDocument]

    @property
    def write(self) -> Callable[[Trigger], BoundedDocument]:
        """The document's `of`."""
        write: Callable[[Trigger], BoundedDocument] = getattr(self.document, _OF)
        return write


def installed_trigger_types(taken: Collection[str]) -> Sequence[TriggerType]:
    """Those of packages, by name. One that cannot be is left out, and told: the jobs of other types go on."""
    found = dict[str, TriggerType]()
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            known = point.load()
        except Exception:
            log.exception("the trigger type %s cannot be loaded from %s", point.name, point.value)
            continue
        if point.name in taken or point.name in found:
            log.error("there is a trigger type %s already, that of %s is left out", point.name, point.value)
        elif not isinstance(known, TriggerType) or (fault := _fault(known, point.name)) is not None:
            reason = fault if isinstance(known, TriggerType) else "it is no TriggerType"
            log.error("%s is not the trigger type %s: %s", point.value, point.name, reason)
        else:
            found[point.name] = known
    return list(found.values())


def _fault(known: TriggerType, name: str) -> str | None:
    """What would keep the documents of all types from being read, were this one among them."""
    if not _is_a(Trigger, known.trigger) or known.trigger.kind != name:
        return f"its trigger is no Trigger of the kind {name}"
    if not _is_a(BoundedDocument, known.document) or not callable(getattr(known.document, _OF, None)):
        return "its document is no BoundedDocument with `of`"
    shape = known.document.__struct_config__
    if (shape.tag_field, shape.tag) != ("type", name):
        return f"its document has not the tag {name} in the field type"
    try:
        msgspec.json.Decoder(known.document)
    except Exception as error:
        return f"its document cannot be read: {error}"
    return None


def _is_a(base: type, given: object) -> bool:
    return isinstance(given, type) and issubclass(given, base)
