"""Parameters of tasks whose places are filled from the tasks of upstreams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from application.scheduling.job_mapping import LARGEST_PARAMETERS
from domain.scheduling.ids import TaskId
from domain.scheduling.job import JobDefinition
from domain.scheduling.job_type import JobType
from domain.scheduling.placeholders import Path, Place, Source, filled, has_places, member, missing, nothing, places
from domain.scheduling.ports.run_book import End
from domain.scheduling.upstream_places import upstream_of
from domain.shared.errors import raise_all
from domain.shared.json_value import JsonObject, JsonText, JsonValue

LARGEST_FILLED: Final = 4 * LARGEST_PARAMETERS
"""Bytes of parameters with what has come in."""

_decoder = msgspec.json.Decoder(dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamFilling:
    """`parameters` None: they are right as they are. `refusal`: why the task cannot run; `cause`: the task to blame."""

    parameters: JsonText | None = None
    refusal: str | None = None
    cause: TaskId | None = None


AS_THEY_ARE: Final = UpstreamFilling()


def fill_from_upstreams(own: JsonText, ends: Mapping[str, End], type_: JobType | None) -> UpstreamFilling:
    """For a task that may run now; `ends` are those of its upstreams, by the names that places may call them."""
    if not has_places(own, Source.UPSTREAM):
        return AS_THEY_ARE
    parameters = _decoded(own)
    found = places(parameters, Source.UPSTREAM)
    values = _Values(ends)
    if lacking := missing(found, values):
        return _lacks(lacking[0], ends)
    whole = filled(parameters, found, values, frozenset() if type_ is None else type_.texts)
    if type_ is not None and (problems := type_.check(whole)):
        return UpstreamFilling(refusal=f"with its upstreams' values the parameters are not right: {problems[0].detail}")
    text = msgspec.json.encode(whole)
    if len(text) > LARGEST_FILLED:
        detail = f"with its upstreams' values the parameters have more than {LARGEST_FILLED} bytes"
        return UpstreamFilling(refusal=detail)
    return UpstreamFilling(parameters=JsonText(text.decode()))


def fill_without_upstreams(definition: JobDefinition, given: JsonText | None) -> JsonText | None:
    """For a task that somebody asks for: defaults take their places. Raises `Invalid` where there is none."""
    if not definition.dependencies:
        return given
    parameters = definition.parameters if given is None else _decoded(given)
    found = places(parameters, Source.UPSTREAM)
    if not found:
        return given
    raise_all([each.problem("NO_UPSTREAM", _unfilled(each)).under("/parameters") for each in missing(found, nothing)])
    return JsonText(msgspec.json.encode(filled(parameters, found, nothing)).decode())


class _Values:
    """What upstreams have under a path. Documents are decoded when they are first asked for."""

    def __init__(self, ends: Mapping[str, End]) -> None:
        self._ends = ends
        self._documents: dict[TaskId, JsonValue] = {}

    def __call__(self, path: Path) -> JsonValue:
        named = upstream_of(path, self._ends)
        if named is None:
            raise LookupError(path)
        name, rest = named
        end = self._ends[name]
        if end.task_id not in self._documents:
            self._documents[end.task_id] = _document(end)
        return member(self._documents[end.task_id])(rest)


def _document(end: End) -> JsonValue:
    result = {} if end.result is None else {"result": msgspec.json.decode(end.result)}
    return {"status": end.status.value, "parameters": msgspec.json.decode(end.parameters), **result}


def _lacks(place: Place, ends: Mapping[str, End]) -> UpstreamFilling:
    named = upstream_of(place.path, ends)
    written = f"${{{place.name}}}"
    if named is None:
        return UpstreamFilling(refusal=f"{written} cannot be filled: no task of that upstream has ended for this one")
    name, rest = named
    what = ".".join(rest)
    detail = f"{written} cannot be filled: the task of {name} ended {ends[name].status} and has no {what}"
    return UpstreamFilling(refusal=detail, cause=ends[name].task_id)


def _decoded(text: JsonText) -> JsonObject:
    return cast(JsonObject, _decoder.decode(text))


def _unfilled(place: Place) -> str:
    written = f"${{{place.name}}}"
    return f"{written} has no upstream to be filled from. Give parameters, or a default: {written[:-1]}:…}}."
