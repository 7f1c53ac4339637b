"""What would break a client of the API is told from what would not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from scripts.breaking_changes import breaking_changes

Change = Callable[[dict[str, Any]], object]

JOB = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 128},
        "mode": {"enum": ["A", "B"]},
        "owner": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "trigger": {"anyOf": [{"$ref": "#/components/schemas/Cron"}, {"$ref": "#/components/schemas/Once"}]},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def described() -> dict[str, Any]:
    job = {"$ref": "#/components/schemas/Job"}
    call = {
        "operationId": "createJob",
        "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 200}}],
        "requestBody": {"required": False, "content": {"application/json": {"schema": job}}},
        "responses": {
            "200": {"content": {"application/json": {"schema": {"type": "array", "items": job}}}},
            "404": {"content": {"application/problem+json": {"schema": {}}}},
        },
    }
    once = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}
    cron = {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}
    return {
        "paths": {"/jobs": {"post": call}},
        "components": {"schemas": copy.deepcopy({"Job": JOB, "Cron": cron, "Once": once})},
    }


def call(document: dict[str, Any]) -> Any:
    return document["paths"]["/jobs"]["post"]


def job(document: dict[str, Any]) -> Any:
    return document["components"]["schemas"]["Job"]


NEW_PARAMETER = {"name": "zone", "in": "query", "schema": {"type": "string"}}

BREAKING: dict[str, Change] = {
    "POST /jobs is gone": lambda d: d["paths"].clear(),
    "POST /jobs: operationId createJob is now makeJob": lambda d: call(d).update(operationId="makeJob"),
    "POST /jobs: the query parameter limit is gone": lambda d: call(d)["parameters"].clear(),
    "POST /jobs query parameter limit: maximum is 100": (
        lambda d: call(d)["parameters"][0].update(schema={"type": "integer", "maximum": 100})
    ),
    "POST /jobs query parameter limit: integer is refused": (
        lambda d: call(d)["parameters"][0].update(schema={"type": "string"})
    ),
    "POST /jobs: the query parameter zone is required": (
        lambda d: call(d)["parameters"].append({**NEW_PARAMETER, "required": True})
    ),
    "POST /jobs: a body is required": lambda d: call(d)["requestBody"].update(required=True),
    "POST /jobs: a body application/json is refused": lambda d: call(d)["requestBody"]["content"].clear(),
    "POST /jobs: status 200 is gone": lambda d: call(d)["responses"].pop("200"),
    "POST /jobs: the answer application/json is gone": lambda d: call(d)["responses"]["200"]["content"].clear(),
    "Job (request): the member owner is required": lambda d: job(d)["required"].append("owner"),
    "Job (request): the member mode is gone": lambda d: job(d)["properties"].pop("mode"),
    "Job (answer): the member mode is gone": lambda d: job(d)["properties"].pop("mode"),
    "Job (answer): the member name may be missing": lambda d: job(d)["required"].clear(),
    "Job (request) name: string is refused": lambda d: job(d)["properties"].update(name={"type": "integer"}),
    "Job (answer) name: integer may come": lambda d: job(d)["properties"].update(name={"type": ["integer", "string"]}),
    "Job (request) name: maxLength is 64": lambda d: job(d)["properties"]["name"].update(maxLength=64),
    "Job (request) name: the pattern is ^a": lambda d: job(d)["properties"]["name"].update(pattern="^a"),
    "Job (request) mode: B is refused": lambda d: job(d)["properties"]["mode"]["enum"].remove("B"),
    "Job (request) owner: null is refused": lambda d: job(d)["properties"]["owner"]["anyOf"].pop(),
    "Job (answer) owner: integer may come": (
        lambda d: job(d)["properties"]["owner"]["anyOf"].append({"type": "integer"})
    ),
    "Job (request) trigger: Once is refused": lambda d: job(d)["properties"]["trigger"]["anyOf"].pop(),
    "Once (request): the member zone is required": (
        lambda d: d["components"]["schemas"]["Once"]["required"].append("zone")
    ),
}  # fmt: skip

HARMLESS: dict[str, Change] = {
    "nothing": lambda d: None,
    "a path": lambda d: d["paths"].update({"/more": {"get": call(d)}}),
    "an optional parameter": lambda d: call(d)["parameters"].append(NEW_PARAMETER),
    "a wider bound": lambda d: call(d)["parameters"][0]["schema"].update(maximum=500),
    "another media type": lambda d: call(d)["requestBody"]["content"].update({"text/plain": {"schema": {}}}),
    "another refusal": lambda d: call(d)["responses"].update({"409": {}}),
    "a refusal that never comes": lambda d: call(d)["responses"].pop("404"),
    "an optional member": lambda d: job(d)["properties"].update(note={"type": "string"}),
    "a value of an enumeration": lambda d: job(d)["properties"]["mode"]["enum"].append("C"),
    "a kind of trigger": lambda d: (
        d["components"]["schemas"].update(Rate={"type": "object"}),
        job(d)["properties"]["trigger"]["anyOf"].append({"$ref": "#/components/schemas/Rate"}),
    ),
    "other words": lambda d: job(d)["properties"]["name"].update(description="What it is called."),
}


@pytest.mark.parametrize("sentence", BREAKING)
def test_a_breaking_change_is_named(sentence: str) -> None:
    new = described()
    BREAKING[sentence](new)
    assert sentence in breaking_changes(described(), new)


@pytest.mark.parametrize("change", HARMLESS)
def test_growth_breaks_nobody(change: str) -> None:
    new = described()
    HARMLESS[change](new)
    assert breaking_changes(described(), new) == []
