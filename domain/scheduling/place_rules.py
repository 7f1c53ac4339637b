"""Which places a job's parameters may have, by what can be known before anything fills them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from domain.scheduling.job_type import JobType
from domain.scheduling.placeholders import Place, Source, places, pointer
from domain.shared.errors import FieldProblem, Invalid
from domain.shared.json_value import JsonObject
from domain.timing.trigger import Trigger

_ATTRIBUTE: Final = re.compile(r"[a-z0-9]+|data_base64")
"""As CloudEvents names them; extensions may have any such name."""


def place_problems(parameters: JsonObject, trigger: Trigger, type_: JobType) -> Iterator[FieldProblem]:
    """What is wrong with the places in the parameters of a job; pointers are relative to these."""
    try:
        found = places(parameters)
    except Invalid as refusal:
        yield from refusal.problems
        return
    for place in found:
        if (advice := type_.code.get(pointer(place.way))) is not None:
            detail = f"This text is carried out as it stands: nothing from elsewhere may go into it. {advice}"
            yield place.problem("PLACE_IN_CODE", detail)
        elif place.source is Source.EVENT:
            yield from _of_event(place, trigger)


def _of_event(place: Place, trigger: Trigger) -> Iterator[FieldProblem]:
    written, (attribute, *members) = f"${{{place.name}}}", place.path
    if not trigger.brings_event:
        detail = f"{written} needs an event, and this job has fires without one: its trigger is {trigger.kind}."
        yield place.problem("NO_EVENT", detail)
    elif not _ATTRIBUTE.fullmatch(attribute) or (members and attribute != "data"):
        detail = f"{written} names nothing that an event has: use an attribute, as ${{event.id}}, or ${{event.data.…}}."
        yield place.problem("INVALID_PLACE", detail)
