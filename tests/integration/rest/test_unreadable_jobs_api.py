"""A stored definition that this node cannot use is nobody's mistake: others are untouched, and it can be put away."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bootstrap.container import Container
from infrastructure.sql.scheduling.tables import job_versions, jobs
from tests.contract.builders import rows
from tests.integration.rest.api import COMMAND, Api

NIGHTLY = {"type": "CRON", "expression": "0 2 * * *", "timeZone": "Europe/Berlin"}
STRANGE = {
    "of another zone database": ('"Europe/Berlin"', '"Mars/Olympus"'),
    "of a newer version": ('"type":"CRON"', '"type":"TIDE"'),
}


@pytest.fixture(params=STRANGE)
async def spec(request: pytest.FixtureRequest, api: Api, container: Container) -> str:
    """The stored text of job `strange`, which this node cannot use; there is another job, which is well."""
    await api.create_job("well", trigger=NIGHTLY)
    job = await api.create_job("strange", trigger=NIGHTLY, description="kept")
    (row,) = await rows(container.store(), jobs, jobs.c.name == "strange")
    changed: str = row.spec.replace(*STRANGE[request.param])
    assert changed != row.spec
    async with container.store().engine.begin() as connection:
        await connection.execute(sa.update(jobs).where(jobs.c.name == "strange").values(spec=changed))
        own = job_versions.c.job_id == row.id
        await connection.execute(sa.update(job_versions).where(own).values(spec=changed))
    assert job["healthError"] is None
    return changed


async def stored(container: Container) -> sa.Row[tuple[object, ...]]:
    (row,) = await rows(container.store(), jobs, jobs.c.name == "strange")
    return row


@pytest.mark.usefixtures("spec")
async def test_it_is_listed_and_read_with_what_is_wrong_and_hides_no_other(api: Api) -> None:
    strange, well = (await api.get("/jobs"))["items"]
    assert (strange["name"], strange["status"], strange["exhausted"]) == ("strange", "ACTIVE", False)
    assert "cannot be used by this server" in strange["healthError"]
    assert strange == await api.get("/jobs/strange")
    assert (well["name"], well["healthError"]) == ("well", None)
    assert len((await api.get("/jobs/strange/versions"))["items"]) == 1


@pytest.mark.usefixtures("spec")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/jobs/strange/next", None),
        ("PUT", "/jobs/strange", {"description": "new"}),
        ("PATCH", "/jobs/strange", {"description": "new"}),
        ("POST", "/jobs/strange/trigger", None),
    ],
)
async def test_what_needs_its_definition_says_that_it_cannot_be_used(
    api: Api, method: str, path: str, body: object
) -> None:
    problem = await api.refusal(method, path, body)
    assert (problem["status"], problem["code"]) == (409, "JOB_UNREADABLE")
    assert "'strange'" in problem["detail"]


async def test_it_can_be_paused_and_disabled_and_is_kept_as_it_is(api: Api, container: Container, spec: str) -> None:
    assert (await api.post("/jobs/strange/pause"))["status"] == "PAUSED"
    assert (await api.refusal("POST", "/jobs/strange/resume"))["code"] == "JOB_UNREADABLE"
    disabled = await api.post("/jobs/strange/disable", {"reason": "it is ill"})
    assert (disabled["status"], disabled["nextFireAt"]) == ("DISABLED", None)
    row = await stored(container)
    assert (row.spec, row.definition_version, row.version) == (spec, 1, 3)
    assert (row.type, row.max_attempts) == ("COMMAND", 3)


@pytest.mark.usefixtures("spec")
async def test_it_can_be_deleted(api: Api) -> None:
    assert (await api.call("DELETE", "/jobs/strange")).status_code in (200, 204)
    assert [job["name"] for job in (await api.get("/jobs"))["items"]] == ["well"]
    assert (await api.create_job("strange"))["status"] == "ACTIVE"


@pytest.mark.usefixtures("spec")
async def test_a_whole_definition_applied_anew_makes_it_well(api: Api) -> None:
    document = {"name": "strange", "type": "COMMAND", "parameters": COMMAND, "trigger": NIGHTLY}
    (item,) = (await api.post("/apply", {"jobs": [document]}))["items"]
    assert (item["action"], item["nextFireAt"] is None) == ("UPDATED", False)
    job = await api.get("/jobs/strange")
    assert (job["healthError"], job["trigger"]["timeZone"]) == (None, "Europe/Berlin")
    assert job["nextFireAt"] == (await api.get("/jobs/well"))["nextFireAt"]
