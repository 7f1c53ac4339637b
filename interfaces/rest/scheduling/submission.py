"""Tasks that are asked for directly: as described, or like another one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from application.scheduling.queries import SchedulingReader
from application.scheduling.task_execution import Submitted, TaskExecutionService
from application.shared.principal import Principal
from domain.scheduling.ids import JobId, TaskId
from interfaces.rest.bodies import Body, ObjectText, instant, object_text, text_of
from interfaces.rest.keys import Key, job_key

UniqueKey = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+\Z")]


class Submission(Body, frozen=True, kw_only=True):
    """A task of a job (`jobId` takes its name, too), now or at `scheduledTime`; `parameters` replace the job's own.

    At any time one live task at most has a `uniqueKey`: if there is one already, it is the answer.
    """

    job_id: Key
    scheduled_time: datetime | None = None
    parameters: ObjectText = msgspec.field(default_factory=msgspec.Raw)
    unique_key: UniqueKey | None = None


async def submit(principal: Principal, tasks: TaskExecutionService, wish: Submission) -> Submitted:
    """The task, new or found by its key. Raises like the service, and `Invalid` for what cannot be meant."""
    at = None if wish.scheduled_time is None else instant(wish.scheduled_time, "/scheduledTime")
    parameters, job = object_text(wish.parameters, "/parameters"), job_key(wish.job_id)
    if wish.unique_key is not None:
        return await tasks.submit_once(principal, job, at, parameters, wish.unique_key)
    return Submitted(task_id=await tasks.submit(principal, job, at, parameters), is_new=True)


async def rerun(principal: Principal, tasks: TaskExecutionService, reader: SchedulingReader, task_id: TaskId) -> TaskId:
    """A new task of the same job with the same parameters. Raises `TaskNotFound`, and like asking for any task."""
    like = await reader.task(principal.tenant, task_id)
    return await tasks.submit(principal, JobId(like.job_id), None, text_of(like.parameters))
