"""Parameters of tasks whose places are filled from an event, or from what there is without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import msgspec

from application.scheduling.job_mapping import LARGEST_PARAMETERS
from domain.scheduling.inbound_event import LARGEST_EVENT, InboundEvent
from domain.scheduling.job import JobDefinition
from domain.scheduling.job_type import JobType
from domain.scheduling.placeholders import Place, Source, filled, has_places, member, missing, nothing, places
from domain.shared.errors import raise_all
from domain.shared.json_value import JsonObject, JsonText

PARAMETER = "event"
"""Under this name the task has the event, beside the job's own parameters."""

LARGEST_FILLED: Final = LARGEST_PARAMETERS + LARGEST_EVENT
"""Bytes; an event may come in at many places."""

_decoder = msgspec.json.Decoder(dict[str, object])


@dataclass(frozen=True, slots=True)
class Filling:
    """The parameters with the event; `refusal`: why there are none."""

    parameters: JsonText
    refusal: str | None = None


def fill_from_event(own: JsonText, event: InboundEvent, type_: JobType | None) -> Filling:
    """For a task that the event causes. The job's type, if it is known here, says what is text and what is right."""
    given, refusal = msgspec.json.decode(own, type=dict[str, msgspec.Raw]), None
    if has_places(own, Source.EVENT):
        changed, refusal = _changed(_decoded(own), event, type_)
        given |= {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in changed.items()}
        if refusal is None and sum(map(len, given.values())) > LARGEST_FILLED:
            refusal = f"with the event's values the parameters have more than {LARGEST_FILLED} bytes"
    given[PARAMETER] = msgspec.Raw(event.document.encode())
    return Filling(own if refusal else JsonText(msgspec.json.encode(given).decode()), refusal)


def fill_without_event(definition: JobDefinition, given: JsonText | None) -> JsonText | None:
    """For a task that somebody asks for: defaults take their places. Raises `Invalid` where there is none."""
    if not definition.trigger.brings_event:
        return given
    parameters = definition.parameters if given is None else _decoded(given)
    found = places(parameters, Source.EVENT)
    if not found:
        return given
    raise_all([each.problem("NO_EVENT", _unfilled(each)).under("/parameters") for each in missing(found, nothing)])
    return JsonText(msgspec.json.encode(filled(parameters, found, nothing)).decode())


def _decoded(text: JsonText) -> JsonObject:
    return cast(JsonObject, _decoder.decode(text))


def _changed(parameters: JsonObject, event: InboundEvent, type_: JobType | None) -> tuple[JsonObject, str | None]:
    """The parameters that have places, filled; or why they cannot be."""
    found, values = places(parameters, Source.EVENT), member(msgspec.json.decode(event.document))
    if lacking := missing(found, values):
        return {}, f"the event has no {lacking[0].name.removeprefix('event.')}, which the job's parameters name"
    whole = filled(parameters, found, values, frozenset() if type_ is None else type_.texts)
    if type_ is not None and (problems := type_.check(whole)):
        return {}, f"with the event's values the parameters are not right: {problems[0].detail}"
    return {name: whole[name] for name in {str(place.way[0]) for place in found}}, None


def _unfilled(place: Place) -> str:
    written = f"${{{place.name}}}"
    return f"{written} has no event to be filled from. Give parameters, or a default: {written[:-1]}:…}}."
