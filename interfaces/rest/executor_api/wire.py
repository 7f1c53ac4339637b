"""The shapes that the calls of executors share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from domain.scheduling.ports.task_exchange import StopOrder
from domain.scheduling.settlement import ReportOutcome
from interfaces.rest.bodies import Body
from interfaces.rest.problem import Problem

MOST_REPORTS = 1_000

Epoch = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Token = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
ReportText = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"$ref": "#/components/schemas/ReportBody"})]
Reports = Annotated[list[ReportText], msgspec.Meta(max_length=MOST_REPORTS)]
"""Read one by one: a bad report must not take the batch with it."""


class LeaseView(Body, frozen=True, kw_only=True):
    """A task, and the token under which it is held."""

    task_id: UUID
    token: Token


class StopOrderView(Body, frozen=True, kw_only=True):
    """An attempt that the server has ended: stop it, then report STOPPED."""

    task_id: UUID
    token: int
    reason: str | None

    @classmethod
    def of(cls, orders: Sequence[StopOrder]) -> list[StopOrderView]:
        """As they go out."""
        return [cls(task_id=order.task_id, token=order.token, reason=order.reason) for order in orders]


class Outcome(Body, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one report; `taskId` is null if the report named none."""

    task_id: UUID | None
    outcome: ReportOutcome
    problem: Problem | None = None


class Item(Body, frozen=True, kw_only=True):
    """A claimed task. `timeoutSeconds` null = no bound; the server, too, watches `deadlineAt`.

    `nominalAt`: the time of its schedule that it runs for, however late; null if it runs for none.
    """

    task_id: UUID
    token: int
    attempt: int
    job_name: str
    type: str
    handler: str | None
    parameters: msgspec.Raw
    timeout_seconds: int | None
    deadline_at: datetime | None
    nominal_at: datetime | None
    checkpoint: msgspec.Raw | None
    traceparent: str | None
