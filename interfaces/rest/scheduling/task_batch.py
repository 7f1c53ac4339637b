"""Many tasks in one call, each of them standing alone."""

from collections.abc import Awaitable, Sequence
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import post
from litestar.params import JSONBody

from application.scheduling.queries import SchedulingReader
from application.scheduling.task_control import TaskControlService
from application.scheduling.task_execution import Submitted, TaskExecutionService
from application.shared.principal import Principal
from domain.scheduling.ids import TaskId
from domain.shared.errors import DomainError, FieldProblem
from interfaces.rest.bodies import LARGEST_BATCH, Body, Malformed
from interfaces.rest.documented import problems
from interfaces.rest.errors import problem_of
from interfaces.rest.idempotency import ONCE
from interfaces.rest.injected import Injected
from interfaces.rest.keys import Words
from interfaces.rest.problem import Problem
from interfaces.rest.scheduling.submission import Submission, rerun, submit

MOST_TASKS = 1_000


class BatchAction(StrEnum):
    """What to do to every one of `ids`."""

    CANCEL = "CANCEL"
    RETRY = "RETRY"
    RERUN = "RERUN"


class Batch(Body, frozen=True, kw_only=True):
    """Either tasks to `create`, or an `action` and the `ids` of the tasks to do it to, with a `reason`."""

    create: Annotated[list[Submission], msgspec.Meta(max_length=MOST_TASKS)] | None = None
    action: BatchAction | None = None
    ids: Annotated[list[UUID], msgspec.Meta(max_length=MOST_TASKS)] | None = None
    reason: Words | None = None


class BatchOutcome(StrEnum):
    """CREATED: there is a new task. FOUND: its unique key has one already. DONE: the action was taken."""

    CREATED = "CREATED"
    FOUND = "FOUND"
    DONE = "DONE"
    FAILED = "FAILED"


class BatchItem(Body, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one; `taskId` is the task that was created, found or acted on, null if there is none."""

    task_id: UUID | None
    outcome: BatchOutcome
    problem: Problem | None = None


class BatchAnswer(Body, frozen=True, kw_only=True):
    """In the order of what was asked for."""

    items: Sequence[BatchItem]


@post(
    "/tasks/batch",
    operation_id="batchTasks",
    opt={ONCE: True},
    tags=["Tasks"],
    status_code=200,
    request_max_body_size=LARGEST_BATCH,
    responses=problems(409, 413, 415, 422),
)
async def batch_tasks(
    data: JSONBody[Batch],
    principal: Injected[Principal],
    tasks: Injected[TaskExecutionService],
    control: Injected[TaskControlService],
    reader: Injected[SchedulingReader],
) -> BatchAnswer:
    """Create up to 1,000 tasks, or act on as many. One that fails stops nobody else."""
    if (data.create is None) == (data.action is None) or (data.action is None) != (data.ids is None):
        raise Malformed(FieldProblem("", "MALFORMED", "Give either `create`, or `action` and `ids`."))

    async def act(action: BatchAction, task_id: TaskId) -> Submitted | None:
        match action:
            case BatchAction.CANCEL:
                await tasks.cancel(principal, task_id, data.reason)
            case BatchAction.RETRY:
                await control.retry(principal, task_id, data.reason)
            case BatchAction.RERUN:
                return Submitted(task_id=await rerun(principal, tasks, reader, task_id), is_new=True)
        return None

    items = [await _item(None, submit(principal, tasks, wish)) for wish in data.create or ()]
    if data.action is not None:
        items += [await _item(id_, act(data.action, TaskId(id_))) for id_ in data.ids or ()]
    return BatchAnswer(items=items)


async def _item(task_id: UUID | None, doing: Awaitable[Submitted | None]) -> BatchItem:
    try:
        submitted = await doing
    except DomainError as error:
        return BatchItem(task_id=task_id, outcome=BatchOutcome.FAILED, problem=problem_of(error))
    if submitted is None:
        return BatchItem(task_id=task_id, outcome=BatchOutcome.DONE)
    outcome = BatchOutcome.CREATED if submitted.is_new else BatchOutcome.FOUND
    return BatchItem(task_id=submitted.task_id, outcome=outcome)
