"""Changes of jobs that were announced for an instant to come."""

from litestar import Controller, Response, delete
from litestar.params import FromPath

from application.scheduling.coming_changes import ComingChanges
from application.scheduling.forecast import Forecast
from application.scheduling.job_management import COMPARED_DAYS
from application.scheduling.queries import SchedulingReader
from application.scheduling.views import JobView
from application.shared.principal import Principal
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key
from interfaces.rest.scheduling.job_answers import Days, DryRun, IfMatch, changed


class ComingChangeController(Controller):
    """`PUT` and `PATCH` of a job with `effectiveFrom` announce one; `comingChange` of the job shows it."""

    path = "/jobs/{job:str}/coming-change"
    tags = ("Jobs",)

    @delete("/", operation_id="withdrawChange", status_code=200, responses=problems(404, 409, 412))
    async def withdraw(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        coming_changes: Injected[ComingChanges],
        reader: Injected[SchedulingReader],
        forecast: Injected[Forecast],
        if_match: IfMatch = None,
        dry_run: DryRun = False,
        days: Days = COMPARED_DAYS,
    ) -> Response[JobView]:
        """Leave a job as it is: what was announced does not take effect. Nothing happens if nothing was."""
        return await changed(
            lambda terms: coming_changes.withdraw(principal, job_key(job), terms),
            principal,
            reader,
            forecast,
            if_match=if_match,
            dry_run=dry_run,
            days=days,
        )
