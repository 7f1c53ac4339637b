"""The keys of tasks that may have parameters of their own."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from domain.scheduling.limits import NO_KEYS, Limits, TaskKeys
from domain.shared.errors import raise_all
from domain.shared.json_value import JsonObject, JsonText

_decode = msgspec.json.Decoder(dict[str, object]).decode


def keys_of(limits: Limits, parameters: JsonText) -> TaskKeys:
    """Of a task that nobody waits for: what is missing among its parameters leaves a place of a key empty."""
    return NO_KEYS if limits.are_fixed else limits.keys(_decode(parameters))


def asked_keys(limits: Limits, own: JsonObject, parameters: JsonText | None) -> TaskKeys:
    """Of a task that somebody asks for; without `parameters` it has the job's own. Raises `Invalid`."""
    if limits.are_fixed:
        return NO_KEYS
    given = own if parameters is None else _decode(parameters)
    raise_all([replace(problem, pointer="/parameters") for problem in limits.missing(given)])
    return limits.keys(given)
