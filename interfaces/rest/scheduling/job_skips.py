"""Leaving out single fires of a job."""

from datetime import datetime

from litestar import Controller, post
from litestar.params import FromPath, JSONBody

from application.scheduling.skips import Skips
from application.shared.principal import Principal
from interfaces.rest.bodies import Body, instant
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key
from interfaces.rest.scheduling.job_times import FireView
from interfaces.rest.scheduling.reasons import Reason, ReasonParameter, required_reason


class OneFire(Body, frozen=True, kw_only=True):
    """A fire by its nominal time, as `/jobs/JOB/next` tells it."""

    nominal_at: datetime


class SkippedFire(Reason, frozen=True, kw_only=True):
    """A fire by its nominal time, as `/jobs/JOB/next` tells it, and why it is not wanted."""

    nominal_at: datetime


class JobSkipController(Controller):
    """What is so already changes nothing."""

    path = "/jobs/{job:str}"
    tags = ("Jobs",)

    @post("/skip", operation_id="skipFire", status_code=200, responses=problems(404, 409, 415, 422))
    async def skip(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        skips: Injected[Skips],
        data: JSONBody[SkippedFire],
        reason: ReasonParameter = None,
    ) -> FireView:
        """Leave out one fire to come, with a reason. The ledger will have it as `SKIPPED_BY_USER` once its time comes.

        The same time of a changed trigger is left out, too. It does not count towards `maxExecutions`.
        """
        nominal, why = instant(data.nominal_at, "/nominalAt"), required_reason(data, reason)
        return FireView.of(await skips.skip(principal, job_key(job), nominal, why))

    @post("/unskip", operation_id="unskipFire", status_code=200, responses=problems(404, 409, 415, 422))
    async def unskip(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        skips: Injected[Skips],
        data: JSONBody[OneFire],
    ) -> FireView:
        """Let a fire that was to be left out run after all."""
        nominal = instant(data.nominal_at, "/nominalAt")
        return FireView.of(await skips.reinstate(principal, job_key(job), nominal))
