"""Documents of jobs, checked without a job."""

from collections.abc import Sequence

from litestar import post
from litestar.params import JSONBody

from application.scheduling.forecast import Forecast
from application.scheduling.job_document import JobDocument
from application.scheduling.job_management import JobManagementService
from application.shared.principal import Principal
from interfaces.rest.bodies import Body
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.scheduling.job_answers import SHOWN_FIRES
from interfaces.rest.scheduling.job_times import Fires, FireView
from interfaces.rest.scheduling.match_views import MatchesView


class Validated(Body, frozen=True, kw_only=True):
    """The document is valid; `nextFires` as if its job were activated now, `nextMatches` by upstreams that exist."""

    name: str
    next_fires: Sequence[FireView]
    next_matches: Sequence[MatchesView]


@post("/jobs/validate", operation_id="validateJob", tags=["Jobs"], status_code=200, responses=problems(413, 415, 422))
async def validate_job(
    data: JSONBody[JobDocument],
    principal: Injected[Principal],
    jobs: Injected[JobManagementService],
    forecast: Injected[Forecast],
) -> Validated:
    """Check a job's document, whether or not its upstreams exist. One that is not valid is refused like a job."""
    jobs.check(data)
    fires = forecast.of_trigger(data.trigger, None, SHOWN_FIRES).fires
    matches = await forecast.matches_of(principal, data, SHOWN_FIRES)
    return Validated(
        name=data.name, next_fires=Fires.of(fires).fires, next_matches=[MatchesView.of(each) for each in matches]
    )
