"""Each operation does what its example asks for, on every store, and answers as docs/reference/openapi.json says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
import schemathesis

from interfaces.rest.openapi.examples import BACKFILL, EXECUTION, HEADERS, OTHER_BODIES, PARAMETERS, QUERIES, TASK
from tests.architecture.sources import ROOT
from tests.integration.rest.api import Api
from tests.integration.rest.test_openapi import OPERATIONS

DESCRIBED = msgspec.json.decode((ROOT / "docs" / "reference" / "openapi.json").read_bytes())

_JOB = ("createJob",)
_TASK = (*_JOB, "triggerJob")
_BACKFILL = (*_JOB, "backfillJob")
_EXECUTOR = ("registerExecutor",)
_RUNNING = (*_TASK, *_EXECUTOR, "claimTasks")

BEFORE: Mapping[str, Sequence[str]] = {
    "activateJob": (*_JOB, "disableJob"),
    "resumeJob": (*_JOB, "pauseJob"),
    "activateExecutor": (*_EXECUTOR, "deactivateExecutor"),
    "startFiring": ("stopFiring",),
    "startClaiming": ("stopClaiming",),
    "resumePool": ("pausePool",),
    "resumeBackfill": (*_BACKFILL, "pauseBackfill"),
    "retryTask": (*_TASK, "cancelTask"),
    "claimTasks": (*_TASK, *_EXECUTOR),
    "assignTask": (*_TASK, *_EXECUTOR),
    **dict.fromkeys(("createTask", "batchTasks", "triggerJob"), _JOB),
    **dict.fromkeys(("startTask", "completeTask", "failTask", "logTask", "executorOfTask", "readLog"), _RUNNING),
    **dict.fromkeys(("reportTasks", "heartbeat", "listAttempts", "reportProgress", "saveCheckpoint"), _RUNNING),
    **dict.fromkeys(("getLock", "extendLock", "releaseLock", "checkFence"), ("acquireLock",)),
    "getExecution": ("runOperation",),
    **dict.fromkeys(("getWebhook", "rotateWebhookSecret", "deleteWebhook"), ("createWebhook",)),
    **dict.fromkeys(("leave", "deactivateExecutor", "drainExecutor"), _EXECUTOR),
}
"""What has been called before it, by the examples; where nothing is said, what its path names exists."""


NEEDS_MORE = {"followEvents", "listDeadLetters", "redriveDeadLetters", "purgeDeadLetters"}
"""A stream has no end, and a sink comes into being outside of the API."""


class Story:
    """Calls operations by their examples; the example's task, backfill and execution stand for those that are made."""

    def __init__(self, api: Api, described: Mapping[str, Any]) -> None:
        self._api = api
        self._schema = schemathesis.openapi.from_dict(dict(described))
        self._operations = {
            operation["operationId"]: (method, path, operation)
            for path, methods in described["paths"].items()
            for method, operation in methods.items()
        }
        self._made = {TASK: TASK, BACKFILL: BACKFILL, EXECUTION: EXECUTION}

    def before(self, name: str) -> Sequence[str]:
        if name in BEFORE:
            return BEFORE[name]
        path = self._operations[name][1]
        needs = {"{job}": _JOB, "{task}": _TASK, "{run}": _TASK, "{backfill}": _BACKFILL, "{executor}": _EXECUTOR}
        return next((steps for placeholder, steps in needs.items() if placeholder in path), ())

    async def call(self, name: str, media_type: str | None = None) -> None:
        method, path, operation = self._operations[name]
        address = re.sub(r"{(\w+)}", lambda found: str(PARAMETERS[found[1]]), path)
        content: bytes | None = None
        for example_id, made in self._made.items():
            address = address.replace(example_id, made)
        headers: Mapping[str, str] = {}
        query: Mapping[str, str] = {}
        if bodies := operation.get("requestBody", {}).get("content"):
            kind = media_type or next(iter(bodies))
            example = bodies[kind]["example"]
            text = example.encode() if isinstance(example, str) else msgspec.json.encode(example)
            content = text.replace(TASK.encode(), self._made[TASK].encode())
            headers, query = {"content-type": kind, **HEADERS.get((name, kind), {})}, QUERIES.get((name, kind), {})
        answer = await self._api.http.request(method, address, content=content, headers=headers, params=query)
        assert answer.is_success, f"{name}: {answer.status_code} {answer.text}"
        self._schema.find_operation_by_id(name).validate_response(answer)
        if name in ("triggerJob", "createTask"):
            self._made[TASK] = answer.json()["id"]
        if name == "backfillJob":
            self._made[BACKFILL] = answer.json()["id"]
        if name == "runOperation":
            self._made[EXECUTION] = answer.json()["id"]


@pytest.mark.parametrize(
    ("name", "media_type"), [*((name, None) for name in sorted(OPERATIONS - NEEDS_MORE)), *OTHER_BODIES], ids=str
)
async def test_the_example_works(api: Api, name: str, media_type: str | None) -> None:
    story = Story(api, DESCRIBED)
    for step in story.before(name):
        await story.call(step)
    await story.call(name, media_type)
