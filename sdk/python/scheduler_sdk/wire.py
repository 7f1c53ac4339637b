"""The shapes of the executor protocol as they travel: JSON in camelCase, under `/api/v1/cluster/executors`.

`gc=False` is for those that come by the thousand: nothing in them can form a cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

Kind = Literal[
    "START", "COMPLETE", "FAIL", "SNOOZE", "CANCEL", "LOG", "PROGRESS", "CHECKPOINT", "STOPPED", "RELEASE"
]  # fmt: skip
Level = Literal["DEBUG", "INFO", "WARN", "ERROR"]

FINAL: frozenset[Kind] = frozenset({"COMPLETE", "FAIL", "SNOOZE", "CANCEL", "STOPPED", "RELEASE"})
"""The report after which an attempt has nothing more to say."""

NULL = Raw(b"null")


class Registration(Struct, rename="camel", omit_defaults=True):
    instance_id: str
    host: str
    version: str
    pool: str
    labels: dict[str, str]
    max_concurrent_tasks: int
    types: list[str]
    handlers: list[str]
    executor_id: str | UnsetType = UNSET


class Registered(Struct, rename="camel"):
    executor_id: str
    epoch: int
    heartbeat_interval_seconds: float


class Lease(Struct, rename="camel", gc=False):
    task_id: str
    token: int


class StopOrder(Struct, rename="camel"):
    task_id: str
    token: int
    reason: str | None = None

    @property
    def why(self) -> str:
        return self.reason or "the server has ended it"


class Heartbeat(Struct, rename="camel"):
    epoch: int
    running: list[Lease]
    sent_at: datetime


class HeartbeatAnswer(Struct, rename="camel"):
    cancel: list[StopOrder] = []
    lost: list[Lease] = []
    drain: bool = False
    minimum_client_version: str | None = None


class Item(Struct, rename="camel", gc=False):
    """A task that was claimed: one attempt of it, held under `token`."""

    task_id: str
    token: int
    attempt: int
    job_name: str
    type: str
    handler: str | None = None
    parameters: Raw = NULL
    timeout_seconds: float | None = None
    deadline_at: datetime | None = None
    checkpoint: Raw = NULL
    traceparent: str | None = None
    nominal_at: datetime | None = None


class LogLine(Struct, gc=False):
    at: datetime
    level: Level
    stream: str
    message: str


class ErrorDetail(Struct, omit_defaults=True):
    code: str
    message: str
    stack: str | None = None


class Report(Struct, rename="camel", omit_defaults=True, gc=False):
    """What became of an attempt. Only the fields of its kind are set."""

    task_id: str
    token: int
    kind: Kind
    at: datetime | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: ErrorDetail | UnsetType = UNSET
    retryable: bool | UnsetType = UNSET
    retry_after: str | UnsetType = UNSET
    """Of SNOOZE and, if it says so, of FAIL: an ISO-8601 duration."""
    lines: Sequence[LogLine] | UnsetType = UNSET
    sequence: int | UnsetType = UNSET
    """Numbers the LOG reports of a lease from 1: a repeated one is known by it."""
    progress: float | UnsetType = UNSET
    message: str | UnsetType = UNSET
    checkpoint: Raw | UnsetType = UNSET


class Claim(Struct, rename="camel", omit_defaults=True):
    """Asks for up to `max` tasks; `reports` are encoded ahead, so that a repeated call says the same."""

    epoch: int
    claim_id: str
    max: int
    wait: str
    started: bool
    reports: Sequence[Raw] = ()


class Reports(Struct):
    epoch: int
    reports: Sequence[Raw]


class Leave(Struct):
    epoch: int


class Problem(Struct):
    code: str | None = None
    title: str | None = None
    detail: str | None = None

    def __str__(self) -> str:
        return self.detail or self.title or "without a reason"


class Outcome(Struct, rename="camel", gc=False):
    task_id: str | None
    outcome: str
    problem: Problem | None = None


class ClaimAnswer(Struct):
    tasks: list[Item] = []
    cancel: list[StopOrder] = []
    outcomes: list[Outcome] = []


encode = msgspec.json.Encoder().encode
