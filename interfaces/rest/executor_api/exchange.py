"""Claims and reports: the hot path. Bodies come in as bytes and leave as bytes; parameters pass unread."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath, JSONBody

from application.scheduling.task_execution import ClaimWish, HandedOut, TaskExecutionService
from application.shared.principal import Principal
from domain.scheduling.ids import ExecutorId
from domain.scheduling.ports.task_exchange import LARGEST_CLAIM
from domain.shared.errors import FieldProblem, Invalid
from domain.timing.duration import format_duration, parse_duration
from interfaces.rest.access import QUIET
from interfaces.rest.bodies import LARGEST_BATCH, Body
from interfaces.rest.documented import problems
from interfaces.rest.executor_api.report import outcomes_of, read_reports
from interfaces.rest.executor_api.wire import Epoch, Item, Outcome, Reports, StopOrderView
from interfaces.rest.hang_up import unless_hung_up
from interfaces.rest.injected import Injected

LONGEST_WAIT = timedelta(seconds=60)
NO_WAIT = timedelta(0)

encode = msgspec.json.Encoder().encode


class Claim(Body, frozen=True, kw_only=True):
    """A wish for at most `max` tasks. `max` 0 waits for orders to stop only.

    Repeating a `claimId` returns the same tasks. `started`: they count as RUNNING at once, without a START. The reports
    are taken first, so that what has ended makes room.
    """

    epoch: Epoch
    claim_id: UUID
    max: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_CLAIM)]
    wait: str = "PT0S"
    started: bool = False
    reports: Reports = msgspec.field(default_factory=list)


class ClaimAnswer(Body, frozen=True, kw_only=True):
    """Empty when the wait is over; `outcomes` are in the order of the reports."""

    tasks: Sequence[Item]
    cancel: Sequence[StopOrderView]
    outcomes: Sequence[Outcome]


NOBODY_THERE = ClaimAnswer(tasks=(), cancel=(), outcomes=())


class ReportBatch(Body, frozen=True, kw_only=True):
    """Reports about attempts of this session."""

    epoch: Epoch
    reports: Reports


class ReportAnswer(Body, frozen=True, kw_only=True):
    """In the order of the reports."""

    outcomes: Sequence[Outcome]


@post(
    "/claim",
    operation_id="claimTasks",
    status_code=200,
    request_max_body_size=LARGEST_BATCH,
    opt={QUIET: True},
    responses=problems(409, 413, 415, 422),
)
async def claim(
    request: Request[Any, Any, Any],
    executor: FromPath[str],
    data: JSONBody[Claim],
    principal: Injected[Principal],
    tasks: Injected[TaskExecutionService],
) -> Response[ClaimAnswer]:
    """Take tasks, at most as long waiting as asked for; hand in reports in the same call."""
    reports, refused = read_reports(data.reports)
    wish = ClaimWish(claim_id=data.claim_id, limit=data.max, started=data.started)
    wait = _wait(data.wait)
    exchange = tasks.exchange(principal, ExecutorId(executor), data.epoch, reports, wish, wait)
    answer = await (unless_hung_up(request, exchange) if wait else exchange)
    if answer is None:
        return _json(NOBODY_THERE)
    return _json(
        ClaimAnswer(
            tasks=[_item(task) for task in answer.tasks],
            cancel=StopOrderView.of(answer.stop),
            outcomes=outcomes_of(reports, answer.outcomes, refused),
        )
    )


@post(
    "/reports",
    operation_id="reportTasks",
    status_code=200,
    request_max_body_size=LARGEST_BATCH,
    opt={QUIET: True},
    responses=problems(409, 413, 415),
)
async def report(
    executor: FromPath[str],
    data: JSONBody[ReportBatch],
    principal: Injected[Principal],
    tasks: Injected[TaskExecutionService],
) -> Response[ReportAnswer]:
    """Tell what became of attempts. Repeating a report is harmless."""
    reports, refused = read_reports(data.reports)
    answer = await tasks.exchange(principal, ExecutorId(executor), data.epoch, reports, None, NO_WAIT)
    return _json(ReportAnswer(outcomes=outcomes_of(reports, answer.outcomes, refused)))


def _wait(text: str) -> timedelta:
    try:
        wait = parse_duration(text)
    except Invalid as refusal:
        raise refusal.under("/wait") from None
    if wait > LONGEST_WAIT:
        longest = format_duration(LONGEST_WAIT)
        raise Invalid(FieldProblem("/wait", "WAIT_TOO_LONG", f"A claim waits {longest} at most, not {text}."))
    return wait


def _item(handed_out: HandedOut) -> Item:
    task = handed_out.task
    return Item(
        task_id=task.id,
        token=task.token,
        attempt=task.attempt,
        job_name=task.job_name,
        type=handed_out.type,
        handler=handed_out.handler,
        parameters=msgspec.Raw(task.parameters.encode()),
        timeout_seconds=task.timeout_seconds,
        deadline_at=task.deadline_at,
        nominal_at=task.nominal_at,
        checkpoint=None if task.checkpoint is None else msgspec.Raw(task.checkpoint.encode()),
        traceparent=None,
    )


def _json(answer: ClaimAnswer | ReportAnswer) -> Response[Any]:
    return Response(encode(answer), media_type="application/json")
