"""What is told of the fires to come of all jobs is what the planner then does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.scheduling import upcoming
from application.scheduling.planner import Planner
from application.scheduling.upcoming import ActiveJob, TooManyJobs, UpcomingFilter, UpcomingFires, UpcomingReader
from domain.scheduling.ids import JobId
from domain.scheduling.job import JobStatus
from domain.scheduling.occurrence import Decision
from domain.shared.errors import Invalid
from domain.shared.ids import TenantId
from tests.builders import CALENDARS, DAY, HOUR, MINUTE, NOON, SECOND, BrokenTrigger
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command, hourly
from tests.unit.application.fake_store import FakeStore
from tests.unit.application.fakes import ANN, CountedIds, HeardWakeUp
from tests.unit.timing.strategies import CLOCK_CHANGES, utc

ALL = UpcomingFilter()


class FakeUpcomingReader(UpcomingReader):
    """Reads the dictionaries of the fake store."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self.took: dict[JobId, timedelta] = {}
        self.broken: set[str] = set()

    async def active_jobs(
        self, tenant: TenantId, where: UpcomingFilter, until: datetime, limit: int
    ) -> Sequence[ActiveJob]:
        jobs, schedules = self._store.tables.jobs, self._store.tables.schedules
        return [
            ActiveJob(
                name=job.definition.name,
                type=job.definition.type,
                pool=job.definition.placement.pool,
                schedule=schedules[id_],
                trigger=None if job.definition.name in self.broken else job.definition.trigger,
            )
            for id_, job in jobs.items()
            if job.status is JobStatus.ACTIVE and (not where.names or job.definition.name in where.names)
        ][:limit]

    async def run_times(self, job_ids: Sequence[UUID]) -> Mapping[JobId, timedelta]:
        return {job_id: took for job_id, took in self.took.items() if job_id in job_ids}

    async def slots(self, tenant: TenantId) -> Mapping[str, int]:
        return {"default": 2}


@pytest.fixture
def reader(store: FakeStore) -> FakeUpcomingReader:
    return FakeUpcomingReader(store)


@pytest.fixture
def fires(cluster: Cluster, reader: FakeUpcomingReader) -> UpcomingFires:
    return UpcomingFires(reader, CALENDARS, cluster.clock)


async def test_all_jobs_are_told_with_how_long_they_take_and_the_slots_they_need(
    cluster: Cluster, fires: UpcomingFires, reader: FakeUpcomingReader
) -> None:
    first = await cluster.jobs.create(ANN, hourly(name="one"))
    await cluster.jobs.create(ANN, hourly(name="two", placement={"pool": "gpu"}))
    await cluster.jobs.create(ANN, hourly(name="resting", active=False))
    paused = await cluster.jobs.create(ANN, hourly(name="paused"))
    await cluster.jobs.pause(ANN, paused)
    reader.took[first] = 90 * SECOND
    told = await fires.look(ANN, ALL)
    assert (told.start, told.end) == (NOON, NOON + DAY)
    assert [(j.name, j.pool, j.run_time, j.projection.count) for j in told.jobs] == [
        ("one", "default", 90 * SECOND, 23),
        ("two", "gpu", None, 23),
    ]
    assert [(p.pool, p.slots, p.profile.peak) for p in told.pools] == [("default", 2, 1), ("gpu", 0, 1)]


async def test_a_job_about_which_nothing_can_be_said_is_named_and_holds_up_nobody(
    cluster: Cluster, fires: UpcomingFires, reader: FakeUpcomingReader
) -> None:
    strange = await cluster.jobs.create(ANN, hourly(name="strange"))
    await cluster.jobs.create(ANN, hourly(name="unreadable"))
    await cluster.jobs.create(ANN, hourly(name="well"))
    reader.broken.add("unreadable")
    job = cluster.store.tables.jobs[strange]
    object.__setattr__(job.definition, "trigger", BrokenTrigger(times=()))
    told = await fires.look(ANN, ALL)
    assert (list(told.unreadable), [job.name for job in told.jobs]) == (["strange", "unreadable"], ["well"])


async def test_the_past_is_left_to_the_ledger(cluster: Cluster, fires: UpcomingFires) -> None:
    await cluster.jobs.create(ANN, hourly())
    assert (await fires.look(ANN, ALL, NOON - DAY, NOON + 2 * HOUR)).start == NOON
    for start, end in ((None, NOON), (NOON + HOUR, NOON + HOUR), (None, NOON + 31 * DAY + SECOND)):
        with pytest.raises(Invalid) as refused:
            await fires.look(ANN, ALL, start, end)
        assert refused.value.problems[0].pointer == "/to"


async def test_of_too_many_jobs_nothing_is_told(
    cluster: Cluster, fires: UpcomingFires, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upcoming, "MOST_JOBS", 1)
    await cluster.jobs.create(ANN, hourly(name="one"))
    assert len((await fires.look(ANN, ALL)).jobs) == 1
    await cluster.jobs.create(ANN, hourly(name="two"))
    with pytest.raises(TooManyJobs):
        await fires.look(ANN, ALL)


expressions = st.sampled_from(
    ["*/20 * * * *", "30 2 * * *", "0,30 0-3 * * *", "15 */2 * * *", "0 0 * * *", "5 1 * * 0"]
)
calendars = st.sampled_from(
    [
        {"weekdays": ["MON", "TUE"]},
        {"holidays": [{"country": "DE"}], "crons": ["* 4 * * *"]},
        {"dates": [str(utc(at).date()) for times in CLOCK_CHANGES.values() for at in times[:1]]},
    ]
)
triggers = st.builds(
    lambda when, spread, by, limit, excluded: (
        when | {spread: by, "maxExecutions": limit, "calendar": excluded and {"exclude": excluded}}
    ),
    st.builds(
        lambda expression, zone, gap, overlap: {
            "type": "CRON", "expression": expression, "timeZone": zone, "dst": {"gap": gap, "overlap": overlap}
        },
        expressions, st.sampled_from(list(CLOCK_CHANGES)),
        st.sampled_from(["AUTO", "SHIFT", "SKIP"]), st.sampled_from(["AUTO", "FIRST", "LAST", "BOTH"]),
    )
    | st.builds(lambda every: {"type": "FIXED_RATE", "every": every}, st.sampled_from(["PT11M", "PT1H", "PT5H"])),
    st.sampled_from(["jitter", "window"]), st.sampled_from([None, "PT40S", "PT10M"]),
    st.none() | st.integers(1, 12),
    st.none() | calendars,
)  # fmt: skip
nights = st.sampled_from([utc(at) for times in CLOCK_CHANGES.values() for at in times])


@given(st.lists(triggers, min_size=1, max_size=3), nights, st.integers(-20, 3), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_what_is_told_is_what_the_planner_then_fires(
    given_triggers: list[dict[str, Any]], night: datetime, before: int, skipped: int
) -> None:
    asyncio.run(told_and_fired(given_triggers, night + before * HOUR, skipped))


async def told_and_fired(given_triggers: list[dict[str, Any]], now: datetime, skipped: int) -> None:
    store = FakeStore()
    cluster = Cluster(store, HeardWakeUp(), CountedIds())
    store.now = cluster.clock.time = now
    for n, trigger in enumerate(given_triggers):
        job_id = await cluster.jobs.create(ANN, command(name=f"job-{n}", active=True, overlap="ALLOW", trigger=trigger))
        for fire in (await cluster.forecast.of_job(ANN, job_id, 2 * skipped)).fires[1::2]:
            await cluster.skips.skip(ANN, job_id, fire.nominal_at, "freeze")
    prospect = await UpcomingFires(FakeUpcomingReader(store), CALENDARS, cluster.clock).look(
        ANN, ALL, end=now + DAY, most=10_000
    )
    told = {
        (job.job_id, fire.nominal, fire.planned, fire.skip is not None)
        for job in prospect.jobs
        for fire in job.projection.fires
        if fire.planned > now  # what is due already is being fired this moment
    }
    planner = Planner(store.begin, cluster.ids, CALENDARS, cluster.wake_up)
    pause = await planner.tick()
    store.tables.occurrences.clear()
    while pause is not None and store.now + pause < now + DAY:
        cluster.pass_time(pause)
        pause = await planner.tick()
    decided = set()
    ledger = [o for o in store.tables.occurrences.values() if o.decision is not Decision.SKIPPED_CALENDAR]
    for entry in ledger:
        decided.add((entry.job_id, entry.last_nominal, entry.planned_at, entry.decision is Decision.SKIPPED_BY_USER))
        assert entry.decision in (Decision.FIRED, Decision.SKIPPED_BY_USER)
    assert sum(entry.count for entry in ledger) == len(told)
    assert decided <= told
    assert {each for each in told if not each[3]} <= decided


async def test_a_day_of_a_busy_job_is_told_in_a_word(cluster: Cluster, fires: UpcomingFires) -> None:
    trigger = {"type": "CRON", "expression": "* * * * *"}
    await cluster.jobs.create(ANN, hourly(trigger=trigger))
    (job,) = (await fires.look(ANN, ALL)).jobs
    assert (job.projection.is_collapsed, job.projection.count, job.projection.interval) == (True, 1439, MINUTE)
