"""Why a task is not running, and why a job has not fired."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from litestar import get
from litestar.params import FromPath, QueryParameter

from application.scheduling.explanations import Explanations
from application.shared.principal import Principal
from domain.scheduling.explanation import Explanation
from interfaces.rest.bodies import Body
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key, task_id
from interfaces.rest.parameters import instant_of


class ReasonView(Body, frozen=True, kw_only=True):
    """One thing that holds it; `until`: it is over by itself then. `facts` are the numbers in `detail`."""

    code: str
    detail: str
    fix: str | None
    until: datetime | None
    facts: Mapping[str, Any]


class ExplanationView(Body, frozen=True, kw_only=True):
    """Every reason, the nearest first. `earliestStartAt`: when nobody has to act; null if nobody can tell."""

    at: datetime
    reasons: Sequence[ReasonView]
    earliest_start_at: datetime | None

    @classmethod
    def of(cls, explanation: Explanation) -> "ExplanationView":
        """As the API shows it."""
        reasons = [
            ReasonView(code=r.code, detail=r.detail, fix=r.fix, until=r.until, facts=r.facts)
            for r in explanation.reasons
        ]
        return cls(at=explanation.at, reasons=reasons, earliest_start_at=explanation.earliest)


@get("/tasks/{task:str}/explain", operation_id="explainTask", tags=["Tasks"], responses=problems(404))
async def explain_task(
    task: FromPath[str], principal: Injected[Principal], explanations: Injected[Explanations]
) -> ExplanationView:
    """Why it is not running: each gate with its numbers, the executors that could run it, and what would mend it."""
    return ExplanationView.of(await explanations.task(principal, task_id(task)))


@get("/jobs/{job:str}/explain", operation_id="explainJob", tags=["Jobs"], responses=problems(404))
async def explain_job(
    job: FromPath[str],
    principal: Injected[Principal],
    explanations: Injected[Explanations],
    at: Annotated[
        str | None, QueryParameter(description="The nominal time of a fire, past or future; without it the next one.")
    ] = None,
) -> ExplanationView:
    """Why it fired at a time, or did not; the ledger answers for the past."""
    _, explanation = await explanations.job(principal, job_key(job), instant_of("at", at))
    return ExplanationView.of(explanation)
