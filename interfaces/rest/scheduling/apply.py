"""Sets of jobs, made to be as their documents say."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import post
from litestar.params import JSONBody

from application.scheduling.job_document import JobDocument
from application.scheduling.job_management import Applied, JobManagementService
from application.shared.principal import Principal
from interfaces.rest.bodies import LARGEST_BATCH, Body
from interfaces.rest.documented import problems
from interfaces.rest.errors import problem_of
from interfaces.rest.idempotency import ONCE
from interfaces.rest.injected import Injected
from interfaces.rest.openapi.schemas import reference
from interfaces.rest.problem import Problem
from interfaces.rest.scheduling.job_answers import FireChangesView

MOST_JOBS = 1_000


JobText = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema=reference(JobDocument))]


class Plan(Body, frozen=True, kw_only=True):
    """Documents of jobs. With `dryRun` everything is checked and nothing is kept."""

    jobs: Annotated[list[JobText], msgspec.Meta(max_length=MOST_JOBS)]
    dry_run: bool = False


class AppliedView(Body, frozen=True, kw_only=True):
    """What became of one document: CREATED, UPDATED, UNCHANGED, or FAILED with the problem.

    In a dry run `fireChanges` says what becomes of the fires of the next seven days.
    """

    name: str
    action: str
    job_id: UUID | None = None
    next_fire_at: datetime | None = None
    problem: Problem | None = None
    fire_changes: FireChangesView | None = None


class AppliedPlan(Body, frozen=True, kw_only=True):
    """In the order of the documents."""

    items: Sequence[AppliedView]


@post(
    "/apply",
    operation_id="applyJobs",
    opt={ONCE: True},
    tags=["Jobs"],
    status_code=200,
    request_max_body_size=LARGEST_BATCH,
    responses=problems(409, 413, 415, 422),
)
async def apply_jobs(
    data: JSONBody[Plan], principal: Injected[Principal], jobs: Injected[JobManagementService]
) -> AppliedPlan:
    """Create the jobs that do not exist and replace the others, by name. One that fails stops nobody else."""
    applied = await jobs.apply(principal, [bytes(document) for document in data.jobs], data.dry_run)
    return AppliedPlan(items=[_view(one) for one in applied])


def _view(applied: Applied) -> AppliedView:
    return AppliedView(
        name=applied.name,
        action=applied.action,
        job_id=applied.job_id,
        next_fire_at=applied.next_fire_at,
        fire_changes=None if applied.fires is None else FireChangesView.of(applied.fires),
        problem=None if applied.problem is None else problem_of(applied.problem),
    )
