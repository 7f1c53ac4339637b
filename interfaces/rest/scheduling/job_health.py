"""Whether a job's schedule does what it should."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from litestar import get
from litestar.params import FromPath

from application.scheduling.health_scanner import Checkup, HealthScanner
from application.shared.principal import Principal
from domain.scheduling.health import Ailment, HealthStatus
from interfaces.rest.bodies import Body
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key


class FindingView(Body, frozen=True, kw_only=True):
    """One thing that is wrong, with its numbers, and how to mend it."""

    finding: Ailment
    status: HealthStatus
    detail: str
    mend: str


class JobHealth(Body, frozen=True, kw_only=True):
    """The status is that of the worst finding. A job that is not ACTIVE is OK, and nothing is due."""

    job_id: UUID
    status: HealthStatus
    findings: Sequence[FindingView]
    checked_at: datetime
    due_at: datetime | None
    last_nominal_at: datetime | None
    planned: Sequence[datetime]
    failures: int

    @classmethod
    def of(cls, checkup: Checkup) -> "JobHealth":
        """As the API shows it."""
        vitals = checkup.vitals
        return cls(
            job_id=checkup.job_id,
            status=checkup.status,
            findings=[
                FindingView(finding=f.ailment, status=f.status, detail=f.detail, mend=f.mend) for f in checkup.findings
            ],
            checked_at=checkup.checked_at,
            due_at=vitals.due_at if vitals else None,
            last_nominal_at=vitals.schedule.state.last_nominal if vitals else None,
            planned=vitals.schedule.upcoming if vitals else (),
            failures=vitals.failures if vitals else 0,
        )


@get("/jobs/{job:str}/health", operation_id="jobHealth", tags=["Jobs"], responses=problems(404))
async def job_health(job: FromPath[str], principal: Injected[Principal], scanner: Injected[HealthScanner]) -> JobHealth:
    """What its schedule and its ledger say, compared with what its trigger says, at this moment."""
    return JobHealth.of(await scanner.check(principal, job_key(job)))
