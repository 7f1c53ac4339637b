"""Jobs are kept whole, under names of their own, and no change overwrites another unseen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa

from domain.scheduling.errors import JobNameTaken, JobNotFound, StaleVersion
from domain.scheduling.ids import JobId
from domain.scheduling.job import ComingChange, Job, JobStatus
from domain.scheduling.placement import Placement
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy, Timeouts
from domain.scheduling.priority import Priority
from domain.scheduling.retry import RetryPolicy, RetryStrategy
from domain.shared.ids import DEFAULT_TENANT, TenantId
from domain.timing.cron import CronExpression
from domain.timing.time_zone import TimeZone
from domain.timing.triggers.cron import CronTrigger
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.tables import job_versions, jobs
from tests.builders import HOUR
from tests.contract.builders import add_job, new_job, rows
from tests.contract.conftest import Begin

ELSEWHERE = TenantId("elsewhere")


async def get(begin: Begin, key: JobId | str, tenant: TenantId = DEFAULT_TENANT) -> Job:
    async with begin() as work:
        return await work.jobs.get(tenant, key)


async def change(begin: Begin, job: Job, status: JobStatus) -> Job:
    """Commit what leads to the status."""
    async with begin() as work:
        found = await work.jobs.get(DEFAULT_TENANT, job.id)
        match status:
            case JobStatus.ACTIVE:
                found.activate("bob", work.now)
            case JobStatus.DISABLED:
                found.disable("broken", "bob", work.now)
            case _:
                found.delete("bob", work.now)
        await work.jobs.save(found)
        await work.commit()
    return found


async def test_a_job_comes_back_as_it_was_saved(begin: Begin) -> None:
    jitter = timedelta(seconds=30)
    job = await add_job(
        begin,
        "report.daily",
        description="what happened",
        parameters={"command": ["sh", "-c", "echo ü"], "env": {"A": "1"}},
        trigger=CronTrigger(
            expression=CronExpression.parse("0 3 * * mon-fri"), zone=TimeZone("Europe/Berlin"), jitter=jitter
        ),
        priority=Priority(7),
        retry=RetryPolicy(max_attempts=5, strategy=RetryStrategy.LINEAR_BACKOFF, never_retry=frozenset({"EXIT_CODE"})),
        timeouts=Timeouts(execution=timedelta(minutes=5), queue=timedelta(hours=1)),
        firing=FiringPolicy(
            misfire=Misfire(policy=MisfirePolicy.FIRE_ALL, max_fires=7), overlap=OverlapPolicy.ALLOW, jitter=jitter
        ),
        placement=Placement(pool="night", requires={"os": "linux", "arch": "arm64"}),
        tags=("nightly", "finance"),
        owner="ops",
    )
    found = await get(begin, job.id)
    for field in ("id", "tenant", "definition", "definition_version", "status", "status_reason", "created_at"):
        assert getattr(found, field) == getattr(job, field)
    assert (found.created_by, found.updated_by, found.updated_at) == ("ann", "ann", job.updated_at)


async def test_a_job_is_found_by_id_and_by_name_of_its_own_tenant_only(begin: Begin) -> None:
    job = await add_job(begin)
    assert (await get(begin, "backup")).id == job.id
    for key in (job.id, "backup"):
        with pytest.raises(JobNotFound, match=str(key)):
            await get(begin, key, ELSEWHERE)
    with pytest.raises(JobNotFound):
        await get(begin, JobId(uuid4()))


async def test_finding_a_name_that_nobody_has_is_no_error(begin: Begin) -> None:
    async with begin() as work:
        assert await work.jobs.find(DEFAULT_TENANT, "backup") is None


async def test_a_name_is_taken_once_per_tenant(begin: Begin) -> None:
    await add_job(begin)
    with pytest.raises(JobNameTaken, match="'backup'"):
        await add_job(begin)
    async with begin() as work:
        other = new_job(work.now)
        other.tenant = ELSEWHERE
        await work.jobs.save(other)
        await work.commit()
    assert (await get(begin, "backup", ELSEWHERE)).id == other.id


async def test_of_many_that_want_a_name_at_once_one_gets_it(begin: Begin, store: Store) -> None:
    results = await asyncio.gather(*(add_job(begin) for _ in range(8)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Job"] + ["JobNameTaken"] * 7
    assert len(await rows(store, jobs)) == 1


async def test_a_job_may_not_take_the_name_of_another_by_an_update(begin: Begin) -> None:
    await add_job(begin, "backup")
    other = await add_job(begin, "report")
    async with begin() as work:
        found = await work.jobs.get(DEFAULT_TENANT, other.id)
        found.redefine(new_job(work.now, "backup").definition, "bob", work.now)
        with pytest.raises(JobNameTaken):
            await work.jobs.save(found)


async def test_a_deleted_job_frees_its_name_and_is_found_by_id_only(begin: Begin) -> None:
    job = await add_job(begin)
    await change(begin, job, JobStatus.DELETED)
    with pytest.raises(JobNotFound):
        await get(begin, "backup")
    assert (await get(begin, job.id)).status is JobStatus.DELETED
    successor = await add_job(begin)
    assert (await get(begin, "backup")).id == successor.id


async def test_status_and_reason_are_kept(begin: Begin) -> None:
    job = await add_job(begin)
    await change(begin, job, JobStatus.DISABLED)
    found = await get(begin, job.id)
    assert (found.status, found.status_reason, found.updated_by) == (JobStatus.DISABLED, "broken", "bob")


async def test_saving_what_has_changed_meanwhile_is_refused(begin: Begin) -> None:
    job = await add_job(begin)
    outdated = await get(begin, job.id)
    await change(begin, job, JobStatus.ACTIVE)
    async with begin() as work:
        outdated.disable("late", "eve", work.now)
        with pytest.raises(StaleVersion, match="backup"):
            await work.jobs.save(outdated)
    assert (await get(begin, job.id)).status is JobStatus.ACTIVE


async def test_a_job_may_be_saved_twice_in_one_unit(begin: Begin) -> None:
    async with begin() as work:
        job = new_job(work.now)
        await work.jobs.save(job)
        job.activate("ann", work.now)
        await work.jobs.save(job)
        await work.commit()
    assert (await get(begin, job.id)).status is JobStatus.ACTIVE


async def test_whoever_gets_a_job_has_it_alone_until_the_end_of_the_unit(begin: Begin) -> None:
    job = await add_job(begin)
    order: list[str] = []
    held = asyncio.Event()

    async def first() -> None:
        async with begin() as work:
            found = await work.jobs.get(DEFAULT_TENANT, job.id)
            held.set()
            await asyncio.sleep(0.05)
            found.activate("first", work.now)
            await work.jobs.save(found)
            order.append("first")
            await work.commit()

    async def second() -> None:
        await held.wait()
        async with begin() as work:
            found = await work.jobs.get(DEFAULT_TENANT, job.id)
            order.append("second")
            assert found.status is JobStatus.ACTIVE

    await asyncio.gather(first(), second())
    assert order == ["first", "second"]


async def test_every_definition_is_kept_as_a_version_and_other_changes_make_none(begin: Begin, store: Store) -> None:
    job = await add_job(begin)
    await change(begin, job, JobStatus.ACTIVE)
    async with begin() as work:
        found = await work.jobs.get(DEFAULT_TENANT, job.id)
        assert found.redefine(new_job(work.now, description="better").definition, "bob", work.now)
        await work.jobs.save(found)
        await work.commit()
    versions = await rows(store, job_versions)
    assert [(v.version, v.created_by) for v in versions] == [(1, "ann"), (2, "bob")]
    assert [msgspec.json.decode(v.spec).get("description") for v in versions] == [None, "better"]


async def test_what_firing_and_claiming_need_stands_in_columns(begin: Begin, store: Store) -> None:
    await add_job(
        begin,
        priority=Priority(9),
        retry=RetryPolicy(max_attempts=4),
        timeouts=Timeouts(execution=timedelta(seconds=1.5), queue=timedelta(minutes=2)),
        tags=("a", "b"),
    )
    (row,) = await rows(store, jobs, jobs.c.name == sa.literal("backup"))
    assert (row.priority, row.max_attempts, row.timeout_s, row.queue_timeout_s) == (9, 4, 2, 120)
    assert msgspec.json.decode(row.parameters) == {"command": ["true"]}
    assert msgspec.json.decode(row.tags) == ["a", "b"]


async def test_jobs_that_the_same_executors_can_run_share_a_lane(begin: Begin, store: Store) -> None:
    await add_job(begin, "a", placement=Placement(requires={"os": "linux", "arch": "arm64"}))
    await add_job(begin, "b", placement=Placement(requires={"arch": "arm64", "os": "linux"}))
    await add_job(begin, "c", placement=Placement(pool="night"))
    lane = {row.name: row.lane for row in await rows(store, jobs)}
    assert lane["a"] == lane["b"] != lane["c"]


async def test_what_is_announced_of_a_job_comes_back_and_goes(begin: Begin) -> None:
    added = await add_job(begin)
    async with begin() as work:
        found = await work.jobs.of_any_tenant(added.id)
        at, then = work.now + HOUR, replace(found.definition, description="other")
        found.announce(then, at, "bob", work.now)
        await work.jobs.save(found)
        await work.commit()
    found = await get(begin, "backup")
    assert found.coming == ComingChange(effective_from=at, definition=then, by="bob")
    async with begin() as work:
        found = await work.jobs.of_any_tenant(added.id)
        assert found.withdraw("ann", work.now)
        await work.jobs.save(found)
        await work.commit()
    assert (await get(begin, "backup")).coming is None
    async with begin() as work:
        with pytest.raises(JobNotFound):
            await work.jobs.of_any_tenant(JobId(uuid4()))
