"""A job as the document that one would write for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from application.scheduling.job_document import decode_document
from application.scheduling.job_mapping import definition_of, encode_definition
from domain.scheduling.priority import PRIORITY_NAMES
from domain.shared.errors import DomainError

_WRITTEN = (
    "name", "type", "description", "active", "handler", "parameters", "trigger", "priority", "retry", "timeouts",
    "overlap", "misfire", "placement", "dependencies", "tags", "owner",
)  # fmt: skip
_SILENT = {("priority", ""): "NORMAL", ("misfire", "grace"): "PT1M", ("placement", "pool"): "default"}
"""What is written out although it would be so anyway."""

_NAME_OF_PRIORITY = {level: name for name, level in reversed(PRIORITY_NAMES.items())}


def document_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """The definition of a job that the server has shown, without what would be so anyway."""
    return normal_form({name: job[name] for name in _WRITTEN if job.get(name) is not None})


def exported(job: Mapping[str, Any]) -> dict[str, Any]:
    """The definition, to be active where it is applied if it is active here."""
    document = document_of(job)
    if job.get("status") != "ACTIVE":
        return document
    return {name: document[name] for name in ("name", "type")} | {"active": True} | document


def normal_form(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what would be so anyway, durations and priority in their usual words.

    Two jobs mean the same if these are equal, but for what the server's settings say about retries where a document is
    silent. What this version does not know stays as it is.
    """
    try:
        definition = definition_of(decode_document(json.dumps(document)))
    except DomainError:
        return dict(document)
    normal: dict[str, Any] = json.loads(encode_definition(definition))
    normal["priority"] = _NAME_OF_PRIORITY.get(normal["priority"], normal["priority"])
    for name in ("timeouts", "misfire", "placement"):
        normal[name] = {key: value for key, value in normal[name].items() if value != _SILENT.get((name, key))}
    if not normal["trigger"].get("dst", True):
        del normal["trigger"]["dst"]
    return {name: normal[name] for name in _WRITTEN if normal.get(name, {}) not in ({}, _SILENT.get((name, "")))}
