"""Triggers as JSON, and the way to and from the domain's: the registry of their types."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Final, Union, get_args

from application.scheduling.documents import at
from application.scheduling.trigger_types import installed_trigger_types
from application.scheduling.triggers.bounded import BoundedDocument, limits_of
from application.scheduling.triggers.cron import CronDocument
from application.scheduling.triggers.dependency import DependencyTriggerDocument
from application.scheduling.triggers.event import EventDocument
from application.scheduling.triggers.fixed_delay import FixedDelayDocument
from application.scheduling.triggers.fixed_rate import FixedRateDocument
from application.scheduling.triggers.manual import ManualDocument
from application.scheduling.triggers.one_time import OneTimeDocument
from domain.timing.errors import InvalidTrigger
from domain.timing.trigger import Trigger
from domain.timing.triggers.any_of import AnyOfTrigger, count_problems, not_combinable
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.dependency import DependencyTrigger
from domain.timing.triggers.event import EventTrigger
from domain.timing.triggers.fixed_delay import FixedDelayTrigger
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from domain.timing.triggers.manual import ManualTrigger
from domain.timing.triggers.one_time import OneTimeTrigger


class AnyOfDocument(BoundedDocument, frozen=True, kw_only=True, tag_field="type", tag="ANY_OF"):
    """Fires whenever one of `triggers` does; a time that several of them have is one."""

    triggers: list[TriggerDocument]

    def trigger(self) -> AnyOfTrigger:
        if wrong := count_problems(len(self.triggers)):  # before their number, or their depth, can do harm
            raise InvalidTrigger(*wrong)
        for place, part in enumerate(self.triggers):
            if isinstance(part, AnyOfDocument):
                raise InvalidTrigger(not_combinable(f"/triggers/{place}", AnyOfTrigger.kind))
        parts = (at(f"/triggers/{place}", part.trigger) for place, part in enumerate(self.triggers))
        return AnyOfTrigger(triggers=tuple(parts), **self.limits())

    @classmethod
    def of(cls, trigger: AnyOfTrigger) -> AnyOfDocument:
        """The trigger as JSON."""
        return cls(triggers=[trigger_document_of(part) for part in trigger.triggers], **limits_of(trigger))


_BuiltIn = (
    CronDocument
    | FixedRateDocument
    | FixedDelayDocument
    | OneTimeDocument
    | EventDocument
    | DependencyTriggerDocument
    | AnyOfDocument
    | ManualDocument
)
_INSTALLED: Final = installed_trigger_types([str(each.__struct_config__.tag) for each in get_args(_BuiltIn)])

if TYPE_CHECKING:
    TriggerDocument = _BuiltIn | BoundedDocument
else:  # one type for requests, files, versions, the store and the API's description: all know the same triggers
    TriggerDocument = Union[_BuiltIn, *(each.document for each in _INSTALLED)]


def trigger_of(document: TriggerDocument) -> Trigger:
    """The domain's trigger. Raises `Invalid`; pointers are relative to the trigger."""
    return document.trigger()


@singledispatch
def trigger_document_of(trigger: Trigger) -> TriggerDocument:
    """The trigger as it was given."""
    raise TypeError(f"{type(trigger).__name__} has no document")


trigger_document_of.register(CronTrigger, CronDocument.of)
trigger_document_of.register(FixedRateTrigger, FixedRateDocument.of)
trigger_document_of.register(FixedDelayTrigger, FixedDelayDocument.of)
trigger_document_of.register(OneTimeTrigger, OneTimeDocument.of)
trigger_document_of.register(EventTrigger, EventDocument.of)
trigger_document_of.register(DependencyTrigger, DependencyTriggerDocument.of)
trigger_document_of.register(AnyOfTrigger, AnyOfDocument.of)
trigger_document_of.register(ManualTrigger, ManualDocument.of)
for _each in _INSTALLED:
    trigger_document_of.register(_each.trigger, _each.write)
