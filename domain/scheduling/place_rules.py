"""Which places a job's parameters may have, by what can be known before anything fills them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from domain.scheduling.dependency import Dependencies
from domain.scheduling.job_type import JobType
from domain.scheduling.limits import Limits
from domain.scheduling.placeholders import Place, Source, places, pointer
from domain.scheduling.upstream_places import upstream_place_problems
from domain.shared.errors import FieldProblem, Invalid
from domain.shared.json_value import JsonObject
from domain.timing.trigger import Trigger

ON_NOTHING: Final = Dependencies()

_ATTRIBUTE: Final = re.compile(r"[a-z0-9]+|data_base64")
"""As CloudEvents names them; extensions may have any such name."""


def place_problems(
    parameters: JsonObject, trigger: Trigger, type_: JobType, dependencies: Dependencies = ON_NOTHING
) -> Iterator[FieldProblem]:
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
    yield from upstream_place_problems(found, dependencies)


def key_place_problems(parameters: JsonObject, limits: Limits) -> Iterator[FieldProblem]:
    """A task that waits has its keys before its upstreams have ended, so that nothing of these can be in them."""
    from_upstreams = {place.way[0] for place in _readable(parameters) if place.source is Source.UPSTREAM}
    for name, template in limits.templates:
        if taken := sorted(template.parameters & from_upstreams):
            detail = f"The key {template.text!r} is made before the upstreams have ended; {taken[0]!r} comes from one."
            yield FieldProblem(f"/{name}/key", "KEY_FROM_UPSTREAM", detail)


def _readable(parameters: JsonObject) -> Sequence[Place]:
    try:
        return places(parameters)
    except Invalid:
        return ()


def _of_event(place: Place, trigger: Trigger) -> Iterator[FieldProblem]:
    written, (attribute, *members) = f"${{{place.name}}}", place.path
    if not trigger.brings_event:
        detail = f"{written} needs an event, and this job has fires without one: its trigger is {trigger.kind}."
        yield place.problem("NO_EVENT", detail)
    elif not _ATTRIBUTE.fullmatch(attribute) or (members and attribute != "data"):
        detail = f"{written} names nothing that an event has: use an attribute, as ${{event.id}}, or ${{event.data.…}}."
        yield place.problem("INVALID_PLACE", detail)
