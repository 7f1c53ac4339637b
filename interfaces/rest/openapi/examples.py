"""An example of every operation that takes something; the tests call each of them, on every store.

They tell one story: of the job `nightly-backup`, of `worker-1`, and of the task that it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TASK = "01980f5c-8d5a-7c11-9f3e-2b6a54c0d1e7"

SOME_DAY = "2199-01-01T01:00:00Z"
"""A time at which the job fires, whenever the example is tried."""

BACKFILL = "01980f5c-9b10-7a02-8c44-5d0e9a1b7f3c"

EXECUTION = "01980f5d-2c7e-7d44-9b02-6a1f3c5e8d90"

PARAMETERS: Mapping[str, Any] = {
    "job": "nightly-backup",
    "tz": "Europe/Berlin",
    "task": TASK,
    "run": TASK,
    "backfill": BACKFILL,
    "executor": "worker-1",
    "pool": "default",
    "status": "FAILED",
    "lock": "deploy-shop",
    "sink": "redis-stream",
    "operation": "old-events",
    "execution": EXECUTION,
    "webhook": "on-call",
    "component": "db",
    "logger": "scheduler",
    "executorId": "worker-1",
}
"""Of parameters, by name; those of paths must be here."""

_REASON = {"reason": "The disk is replaced tonight."}
_TRIGGER = {"type": "CRON", "expression": "0 2 * * *", "timeZone": "Europe/Berlin"}
_JOB = {
    "name": "nightly-backup",
    "description": "The shop's database, every night.",
    "type": "COMMAND",
    "active": True,
    "parameters": {"command": ["pg_dump", "-Fc", "shop"], "env": {"PGHOST": "db1"}},
    "trigger": _TRIGGER,
    "misfire": {"policy": "FIRE_ONCE", "grace": "PT1M"},
    "retry": {"maxAttempts": 3, "delay": "PT60S", "strategy": "EXPONENTIAL_BACKOFF", "maxDelay": "PT1H"},
    "timeouts": {"execution": "PT10M", "queue": "PT1H"},
    "placement": {"pool": "default", "requires": {"os": "linux"}},
    "tags": ["team:billing"],
}
_HOLDER = {"executorId": "worker-1"}
_EVENT = {
    "specversion": "1.0",
    "id": "4711",
    "source": "/shop/orders",
    "type": "com.example.order.paid",
    "data": {"order": 4711},
}
_INSTANCE = "7f1c2a60-57a5-4a5e-9d20-7c3a0d2f4b11"
_CLAIM = "0d9c6b1e-1c1b-4d53-8f0e-6f3f5b1a2c44"

BODIES: Mapping[str, Mapping[str, Any]] = {
    # Jobs
    "createJob": _JOB,
    "validateJob": _JOB,
    "updateJob": {"priority": "HIGH", "owner": None},
    "patchJob": {"parameters": {"env": {"PGHOST": "db2"}}, "timeouts": {"execution": "PT20M"}},
    "activateJob": _REASON,
    "pauseJob": _REASON,
    "resumeJob": _REASON,
    "disableJob": _REASON,
    "triggerJob": {"parameters": {"command": ["pg_dump", "-Fc", "stock"]}},
    "previewTrigger": {"trigger": _TRIGGER, "after": "2031-03-29T00:00:00Z", "count": 3},
    "skipFire": {"nominalAt": SOME_DAY, "reason": "The disk is replaced that night."},
    "unskipFire": {"nominalAt": SOME_DAY},
    "applyJobs": {"jobs": [_JOB], "dryRun": False},
    # Backfills
    "backfillJob": {
        "from": "2026-03-01T00:00:00Z",
        "to": "2026-03-08T00:00:00Z",
        "order": "NEWEST_FIRST",
        "maxLive": 2,
    },
    "pauseBackfill": _REASON,
    "cancelBackfill": _REASON,
    # Tasks
    "createTask": {"jobId": "nightly-backup", "uniqueKey": "backup-of-today"},
    "batchTasks": {"create": [{"jobId": "nightly-backup"}, {"jobId": "nightly-backup"}]},
    "cancelTask": _REASON,
    "cancelRun": _REASON,
    "retryTask": _REASON,
    "assignTask": _HOLDER,
    "startTask": _HOLDER,
    "completeTask": {**_HOLDER, "result": {"bytes": 73400320}},
    "failTask": {**_HOLDER, "error": {"code": "DISK_FULL", "message": "No space left on device."}, "retryable": True},
    "logTask": {**_HOLDER, "logLevel": "INFO", "message": "3 of 12 tables are done."},
    "redriveFailures": {"expectedCount": 0, "ratePerSecond": 5, **_REASON},
    "reportProgress": {**_HOLDER, "progress": 0.25, "message": "table 3 of 12"},
    "saveCheckpoint": {**_HOLDER, "checkpoint": {"table": "orders", "row": 120000}},
    # Executors
    "registerExecutor": {
        "executorId": "worker-1",
        "instanceId": _INSTANCE,
        "host": "build-7",
        "version": "1.4.0",
        "pool": "default",
        "labels": {"os": "linux"},
        "maxConcurrentTasks": 20,
        "types": ["COMMAND"],
    },
    "claimTasks": {"epoch": 1, "claimId": _CLAIM, "max": 10, "wait": "PT20S", "started": True},
    "reportTasks": {
        "epoch": 1,
        "reports": [{"taskId": TASK, "token": 1, "kind": "COMPLETE", "result": {"bytes": 73400320}}],
    },
    "heartbeat": {"epoch": 1, "running": [{"taskId": TASK, "token": 1}], "sentAt": "2031-05-04T12:00:00Z"},
    "leave": {"epoch": 1},
    "deactivateExecutor": _REASON,
    "drainExecutor": _REASON,
    # The cluster and its events
    "detectFailedExecutors": {"timeoutSeconds": 300},
    "stopFiring": _REASON,
    "stopClaiming": _REASON,
    "pausePool": _REASON,
    "publishEvents": _EVENT,
    # Webhooks
    "createWebhook": {
        "name": "on-call",
        "url": "https://alarms.example.com/scheduler",
        "events": ["TaskFailed", "OccurrenceDecided:MISSED", "ScheduleHealthChanged:OVERDUE"],
    },
    # Locks
    "acquireLock": {"owner": "ci-7", "ttl": "PT30S", "permits": 1, "requestId": _CLAIM},
    "extendLock": {"token": 1, "ttl": "PT30S"},
    "releaseLock": {"token": 1},
    "checkFence": {"resource": "ledger", "token": 1},
    # Operations
    "patchOperation": {"every": "PT5M"},
    "pauseOperation": _REASON,
    # Sinks
    "redriveDeadLetters": {"ids": [TASK]},
    "purgeDeadLetters": {"ids": [TASK]},
    # The node
    "changeLogger": {"configuredLevel": "DEBUG"},
}
"""Of bodies, by operation."""

OTHER_BODIES: Mapping[tuple[str, str], Any] = {
    ("completeTask", "text/plain"): "73400320 bytes",
    ("failTask", "text/plain"): "No space left on device.",
    ("publishEvents", "application/cloudevents-batch+json"): [_EVENT, {**_EVENT, "id": "4712"}],
    ("publishEvents", "application/json"): {"order": 4711},
}
"""Of bodies of an operation that takes several media types, where they do not look the same."""

HEADERS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("publishEvents", "application/json"): {
        "ce-specversion": "1.0",
        "ce-id": "4711",
        "ce-source": "/shop/orders",
        "ce-type": "com.example.order.paid",
    },
}
"""Headers that such a body comes with."""

QUERIES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("completeTask", "text/plain"): _HOLDER,
    ("failTask", "text/plain"): _HOLDER,
}
"""Parameters that it comes with: who says it has no place in a text."""


def add_examples(operation: dict[str, Any]) -> None:
    """Put its examples into the description of an operation."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" or parameter["name"] in PARAMETERS:
            parameter["example"] = PARAMETERS[parameter["name"]]
    name = operation["operationId"]
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        example = OTHER_BODIES.get((name, media_type), BODIES.get(name))
        if example is not None:
            content["example"] = example
