"""Each fault that is planted is found and told once; a healthy platform has none, whatever its clock and users do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.scheduling.health_scanner import BATCH, EVERY, HealthScanner
from application.scheduling.planner import Planner
from domain.scheduling.health import Ailment, HealthStatus
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.job import JobStatus
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from domain.timing.calendar import ExclusionCalendar, Weekday
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import TriggerState
from tests.builders import CALENDARS, DAY, HOUR, MINUTE, NOON, SECOND, TimesTrigger, cron, every, uid
from tests.unit.application.fake_store import FakeStore
from tests.unit.application.fakes import ANN, CountedIds, HeardWakeUp
from tests.unit.application.test_planner import ALLOW, add

MINUTELY = TimesTrigger(times=every(MINUTE, 3000, NOON - DAY))


@pytest.fixture
def scanner(store: FakeStore, wake_up: HeardWakeUp) -> HealthScanner:
    return HealthScanner(store.begin, CALENDARS, wake_up)


@pytest.fixture
async def job_id(store: FakeStore, ids: CountedIds, wake_up: HeardWakeUp) -> JobId:
    """Has fired for a quarter of an hour."""
    made = add(store, trigger=MINUTELY, upcoming=every(MINUTE, 8, NOON), policy=ALLOW)
    change(store, made, state=TriggerState(since=NOON - SECOND))
    planner = Planner(store.begin, ids, CALENDARS, wake_up)
    for _ in range(15):
        await planner.tick()
        store.now += MINUTE
    await planner.tick()
    store.tables.events.clear()
    return made


def change(store: FakeStore, job_id: JobId, **fields: object) -> None:
    store.tables.schedules[job_id] = replace(store.tables.schedules[job_id], **fields)  # type: ignore[arg-type]


def found(store: FakeStore, job_id: JobId) -> list[Ailment]:
    return [finding.ailment for finding in store.tables.findings.get(job_id, ())]


async def test_a_healthy_schedule_has_no_finding_and_nothing_is_told(
    scanner: HealthScanner, store: FakeStore, job_id: JobId
) -> None:
    assert await scanner.tick() == EVERY
    assert not store.tables.findings
    assert not store.tables.events
    checkup = await scanner.check(ANN, job_id)
    assert (checkup.status, checkup.findings) == (HealthStatus.OK, [])


@pytest.mark.parametrize(("minutes", "status"), [(2, HealthStatus.WARNING), (7, HealthStatus.ERROR)])
async def test_an_overdue_schedule_is_found_and_told_once_and_its_recovery_too(
    scanner: HealthScanner,
    store: FakeStore,
    job_id: JobId,
    ids: CountedIds,
    wake_up: HeardWakeUp,
    minutes: int,
    status: HealthStatus,
) -> None:
    store.now += minutes * MINUTE + SECOND
    for _ in range(3):
        await scanner.tick()
    assert (found(store, job_id), (await scanner.check(ANN, job_id)).status) == ([Ailment.OVERDUE], status)
    assert store.event_types() == ["ScheduleHealthChanged"]
    await Planner(store.begin, ids, CALENDARS, wake_up).tick()
    await scanner.tick()
    assert not store.tables.findings
    assert store.event_types().count("ScheduleHealthChanged") == 2


async def test_one_that_is_set_aside_shows_its_error(scanner: HealthScanner, store: FakeStore, job_id: JobId) -> None:
    store.tables.aside[job_id] = ("RuntimeError: no calendar", store.now + MINUTE)
    await scanner.tick()
    (finding,) = (await scanner.check(ANN, job_id)).findings
    assert (finding.ailment, "no calendar" in finding.detail) == (Ailment.SET_ASIDE, True)
    assert found(store, job_id) == [Ailment.SET_ASIDE]


@pytest.mark.parametrize(
    ("fault", "ailment"),
    [
        ({"upcoming": (), "exhausted": True}, Ailment.FROZEN),
        ({"active": False}, Ailment.FROZEN),
        ({"upcoming": every(MINUTE, 8, NOON + 16 * MINUTE + SECOND)}, Ailment.DRIFTED),
        ({"upcoming": every(MINUTE, 8, NOON + 20 * MINUTE)}, Ailment.DRIFTED),
        ({"job_version": 7}, Ailment.DRIFTED),
    ],
)
async def test_a_row_that_does_not_fit_its_trigger_is_found_and_planned_anew(
    scanner: HealthScanner, store: FakeStore, job_id: JobId, fault: dict[str, object], ailment: Ailment
) -> None:
    well = store.tables.schedules[job_id]
    change(store, job_id, **fault)
    await scanner.tick()
    assert found(store, job_id) == [ailment]
    mended = store.tables.schedules[job_id]
    assert mended.upcoming[: len(well.upcoming)] == well.upcoming
    assert (mended.active, mended.exhausted, mended.job_version, mended.state) == (True, False, 1, well.state)
    await scanner.tick()
    assert not store.tables.findings
    assert store.event_types() == ["ScheduleHealthChanged"] * 2


async def test_one_that_waits_for_a_run_that_is_gone_is_found(
    scanner: HealthScanner, store: FakeStore, job_id: JobId
) -> None:
    policy = replace(ALLOW, awaits_end=True)
    change(store, job_id, policy=policy, upcoming=(), awaited=TaskId(uid(999_999)))
    await scanner.tick()
    assert found(store, job_id) == [Ailment.AWAITS_NOBODY]


async def test_a_fire_that_the_ledger_lacks_is_found_by_its_time(
    scanner: HealthScanner, store: FakeStore, job_id: JobId
) -> None:
    lost = next(o for o in store.tables.occurrences.values() if o.first_nominal == NOON + 12 * MINUTE)
    del store.tables.occurrences[lost.id]
    await scanner.tick()
    assert found(store, job_id) == [Ailment.LEDGER_GAP]
    (finding,) = (await scanner.check(ANN, job_id)).findings
    assert "2031-05-06T12:12:00Z" in finding.detail


async def test_while_firing_is_stopped_nothing_is_overdue(
    store: FakeStore, job_id: JobId, wake_up: HeardWakeUp
) -> None:
    from application.scheduling.switches import Switches
    from domain.scheduling.switch import FIRING
    from tests.unit.application.fakes import SetClock

    switches = Switches(store.begin, SetClock(), wake_up)
    await switches.stop(ANN, FIRING, "flood")
    store.now += HOUR
    await HealthScanner(store.begin, CALENDARS, wake_up, switches).tick()
    assert not store.tables.findings


async def test_every_schedule_has_its_turn_however_many_there_are(scanner: HealthScanner, store: FakeStore) -> None:
    jobs = [add(store, n, upcoming=every(MINUTE, 8, NOON + MINUTE)) for n in range(1, 2 * BATCH + 10)]
    for job_id in jobs:
        store.tables.aside[job_id] = ("ill", NOON + MINUTE)
    for looks in (1, 2, 3):
        await scanner.tick()
        assert len(store.tables.findings) == min(looks * BATCH, len(jobs))


async def test_a_job_that_is_not_active_is_left_alone(scanner: HealthScanner, store: FakeStore, job_id: JobId) -> None:
    store.tables.jobs[job_id].status = JobStatus.PAUSED
    change(store, job_id, active=False)
    store.now += DAY
    await scanner.tick()
    assert not store.tables.findings
    assert (await scanner.check(ANN, job_id)).vitals is None


TRIGGERS = st.sampled_from(
    [
        MINUTELY,
        TimesTrigger(times=(NOON, NOON + SECOND, NOON + 7 * MINUTE, NOON + 3 * HOUR)),
        TimesTrigger(times=every(7 * MINUTE, 500, NOON + 3 * SECOND), jitter=5 * MINUTE),
        TimesTrigger(times=every(MINUTE, 500, NOON), max_executions=5),
        cron("*/5 * * * *", "Europe/Berlin"),
        cron("0 */2 * * *", "Australia/Lord_Howe"),
        cron("0 0 1 1 *"),
        cron("*/20 * * * *", calendar=ExclusionCalendar(zone=TimeZone("UTC"), weekdays=(Weekday.WED, Weekday.FRI))),
    ]
)
POLICIES = st.builds(
    lambda policy, overlap: (Misfire(policy=policy), overlap),
    st.sampled_from(MisfirePolicy),
    st.sampled_from([OverlapPolicy.ALLOW, OverlapPolicy.SKIP]),
)


@given(
    trigger=TRIGGERS,
    policy=POLICIES,
    steps=st.lists(st.sampled_from([1, 20, 45, 60, 300, 3600, 100_000]), min_size=5, max_size=25),
)
@settings(max_examples=60, deadline=None)
def test_the_healthy_platform_raises_none(
    trigger: TimesTrigger, policy: tuple[Misfire, OverlapPolicy], steps: list[int]
) -> None:
    async def live() -> None:
        store, wake_up = FakeStore(), HeardWakeUp()
        job_id = add(store, trigger=trigger, upcoming=(), policy=FiringPolicy.of(trigger, *policy))
        begun = replace(store.tables.schedules[job_id], state=TriggerState(since=NOON))
        store.tables.schedules[job_id] = begun.refilled(trigger, CALENDARS, NOON, skip_past=True)
        planner = Planner(store.begin, CountedIds(), CALENDARS, wake_up)
        scanner = HealthScanner(store.begin, CALENDARS, wake_up)
        for seconds in steps:  # a long one is a standstill: the planner is back before the scanner
            store.now += timedelta(seconds=seconds)
            while True:
                rest = await planner.tick()
                if rest is None or rest > timedelta(0):
                    break
            await scanner.tick()
            assert store.tables.findings == {}, store.tables.schedules[job_id]

    asyncio.run(live())
