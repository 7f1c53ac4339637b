"""The planner: due schedules become ledger entries and tasks, once each, whatever fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from application.scheduling.planner import LARGEST_CHUNK, SET_ASIDE, Planner
from application.shared.errors import StoreUnavailable
from application.shared.wake_up import OPENINGS, lane_topic
from domain.scheduling.ids import JobId, LaneId
from domain.scheduling.job import Job, JobStatus
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from domain.scheduling.schedule import PLANNED_AHEAD
from domain.timing.trigger import Trigger
from tests.builders import (
    CALENDARS,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    BrokenTrigger,
    TimesTrigger,
    definition,
    every,
    schedule,
    uid,
)
from tests.unit.application.fake_store import FakeStore, Tables
from tests.unit.application.fakes import ANN, CountedIds, HeardWakeUp

MINUTELY = TimesTrigger(times=every(MINUTE, 10_000))
ALLOW = FiringPolicy(overlap=OverlapPolicy.ALLOW)


@pytest.fixture
def planner(store: FakeStore, ids: CountedIds, wake_up: HeardWakeUp) -> Planner:
    return Planner(store.begin, ids, CALENDARS, wake_up)


def add(
    store: FakeStore,
    number: int = 1,
    upcoming: tuple[datetime, ...] = MINUTELY.times[:8],
    trigger: Trigger = MINUTELY,
    policy: FiringPolicy = ALLOW,
) -> JobId:
    """An active job with its schedule."""
    job_id = JobId(uid(number))
    made = Job.create(job_id, ANN.tenant, definition(f"job-{number}", trigger=trigger), "ann", NOON)
    made.activate("ann", NOON)
    lane = store.tables.lanes.setdefault(made.lane, LaneId(1))
    store.tables.jobs[job_id] = made
    store.tables.schedules[job_id] = schedule(upcoming, policy, job_id=job_id, lane=lane)
    return job_id


def decisions(store: FakeStore, job_id: JobId) -> Counter[Decision]:
    """How many fires of the job came to which decision."""
    counts = Counter[Decision]()
    for entry in store.tables.occurrences.values():
        if entry.job_id == job_id:
            counts[entry.decision] += entry.count
    return counts


def fails_for(*culprits: JobId, with_: Exception | None = None) -> Callable[[Tables], None]:
    """A store that cannot commit tasks of these jobs."""

    def check(tables: Tables) -> None:
        if any(task.job_id in culprits for task in tables.tasks.values()):
            raise with_ or RuntimeError("this row cannot be written")

    return check


async def test_nothing_due_is_nothing_done(planner: Planner, store: FakeStore) -> None:
    assert await planner.tick() is None
    add(store, upcoming=every(MINUTE, 8, NOON + HOUR))
    assert await planner.tick() == HOUR
    assert not store.tables.tasks
    assert not store.tables.occurrences


async def test_a_fire_that_the_ledger_has_already_is_passed_over_and_not_doubled(
    planner: Planner, store: FakeStore
) -> None:
    job_id = add(store)
    await planner.tick()
    entries, tasks = dict(store.tables.occurrences), dict(store.tables.tasks)
    store.tables.schedules[job_id] = schedule(MINUTELY.times[:8], ALLOW, job_id=job_id, lane=LaneId(1))  # as before
    assert await planner.tick() == MINUTE
    assert store.tables.occurrences == entries
    assert store.tables.tasks == tasks
    assert store.tables.schedules[job_id].upcoming[0] == MINUTELY.times[1]
    assert not store.tables.aside


async def test_a_due_fire_becomes_a_task_and_its_lane_hears_of_it(
    planner: Planner, store: FakeStore, wake_up: HeardWakeUp
) -> None:
    job_id = add(store)
    assert await planner.tick() == MINUTE
    (task,) = store.tables.tasks.values()
    assert (task.job_id, task.scheduled_time) == (job_id, NOON)
    assert wake_up.hints == [(lane_topic(1), 1), (OPENINGS, None)]
    assert store.event_types() == ["TaskCreated", "OccurrenceDecided"]


async def test_everything_due_fires_in_one_go_chunk_by_chunk(planner: Planner, store: FakeStore) -> None:
    jobs = [add(store, n) for n in range(1, 2 * LARGEST_CHUNK + 2)]
    await planner.tick()
    assert all(decisions(store, job_id) == {Decision.FIRED: 1} for job_id in jobs)
    assert store.commits == 5  # each chunk, and the looks that found nothing: there were two chunks at a time


async def test_what_fails_beside_a_chunk_is_not_passed_over(planner: Planner, store: FakeStore) -> None:
    jobs = [add(store, n) for n in range(1, 2 * LARGEST_CHUNK + 2)]

    def check(tables: Tables) -> None:
        if len(tables.tasks) > LARGEST_CHUNK:
            raise StoreUnavailable("gone")

    store.before_commit = check
    with pytest.raises(StoreUnavailable):
        await planner.tick()
    store.before_commit = lambda _tables: None
    await planner.tick()
    assert all(decisions(store, job_id) == {Decision.FIRED: 1} for job_id in jobs)


async def test_a_time_fires_once_however_often_the_planner_looks(planner: Planner, store: FakeStore) -> None:
    job_id = add(store)
    for _ in range(5):
        await planner.tick()
    assert decisions(store, job_id) == {Decision.FIRED: 1}


async def test_known_times_are_refilled_before_they_run_out(planner: Planner, store: FakeStore) -> None:
    job_id = add(store, upcoming=MINUTELY.times[:3])
    await planner.tick()
    assert store.tables.schedules[job_id].upcoming == MINUTELY.times[1 : 1 + PLANNED_AHEAD]
    assert store.commits == 3  # the fire, the look that found nothing, the refill


async def test_a_trigger_is_not_asked_while_enough_is_known(planner: Planner, store: FakeStore) -> None:
    job_id = add(store, trigger=BrokenTrigger(times=()))
    await planner.tick()
    assert decisions(store, job_id) == {Decision.FIRED: 1}
    assert not store.tables.aside


async def test_after_a_long_gap_the_latest_fires_once_and_the_gap_is_one_entry(
    planner: Planner, store: FakeStore
) -> None:
    job_id = add(store)
    store.now = NOON + 2000 * MINUTE
    await planner.tick()
    assert decisions(store, job_id) == {Decision.COALESCED: 2000, Decision.FIRED: 1}
    coalesced, fired = store.tables.occurrences.values()
    assert (coalesced.first_nominal, coalesced.last_nominal) == (NOON, NOON + 1999 * MINUTE)
    assert fired.first_nominal == store.now


async def test_the_limit_of_fires_caught_up_holds_over_all_steps_of_a_gap(planner: Planner, store: FakeStore) -> None:
    all_ = Misfire(policy=MisfirePolicy.FIRE_ALL, max_fires=30, catchup_window=9 * DAY)
    job_id = add(store, policy=replace(ALLOW, misfire=all_))
    store.now = NOON + 1999 * MINUTE
    await planner.tick()
    assert decisions(store, job_id) == {Decision.MISSED: 1970, Decision.FIRED: 30}
    assert {t.scheduled_time for t in store.tables.tasks.values()} == set(MINUTELY.times[1970:2000])


async def test_a_fire_does_not_overlap_the_unfinished_task_of_another(planner: Planner, store: FakeStore) -> None:
    job_id = add(store, policy=FiringPolicy())
    await planner.tick()
    store.now += MINUTE
    await planner.tick()
    assert decisions(store, job_id) == {Decision.FIRED: 1, Decision.SKIPPED_OVERLAP: 1}


@pytest.mark.parametrize("state", [JobStatus.PAUSED, JobStatus.DELETED])
async def test_an_inactive_schedule_that_was_set_aside_comes_to_rest(
    planner: Planner, store: FakeStore, state: JobStatus
) -> None:
    job_id = add(store)
    store.tables.schedules[job_id] = replace(store.tables.schedules[job_id], active=False)
    store.tables.aside[job_id] = ("RuntimeError", NOON)
    assert await planner.tick() is None
    assert (decisions(store, job_id), store.tables.aside) == ({}, {})


async def test_a_trigger_that_raises_sets_aside_its_schedule_alone(planner: Planner, store: FakeStore) -> None:
    broken = add(store, 1, upcoming=(NOON,), trigger=BrokenTrigger(times=()))
    sound = [add(store, n) for n in range(2, 5)]
    await planner.tick()
    assert all(decisions(store, job_id) == {Decision.FIRED: 1} for job_id in sound)
    assert store.tables.aside == {broken: ("RuntimeError: the calendar of holidays is gone", NOON + SET_ASIDE)}
    assert store.event_types().count("ScheduleFailed") == 1


async def test_a_trigger_that_raises_while_refilling_sets_aside_its_schedule_alone(
    planner: Planner, store: FakeStore
) -> None:
    broken = add(store, 1, upcoming=MINUTELY.times[:3], trigger=BrokenTrigger(times=()))
    sound = add(store, 2, upcoming=MINUTELY.times[:3])
    await planner.tick()
    assert decisions(store, broken) == {Decision.FIRED: 1}
    assert list(store.tables.aside) == [broken]
    assert len(store.tables.schedules[sound].upcoming) == PLANNED_AHEAD


async def test_a_schedule_that_could_not_be_refilled_fires_at_the_times_it_knows(
    planner: Planner, store: FakeStore
) -> None:
    job_id = add(store, upcoming=MINUTELY.times[:3], trigger=BrokenTrigger(times=()))
    await planner.tick()
    store.now = NOON + MINUTE
    await planner.tick()
    assert decisions(store, job_id) == {Decision.FIRED: 2}


async def test_whoever_comes_due_meanwhile_does_not_wait_until_all_have_caught_up(
    planner: Planner, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.scheduling.planner.BEHIND_AT_ONCE", 2)
    once = {1: NOON - HOUR, 2: NOON - HOUR, 3: NOON - MINUTE - SECOND, 4: NOON - MINUTE - SECOND, 5: NOON, 6: NOON}
    for number, at in once.items():
        add(store, number, upcoming=(at,), trigger=TimesTrigger(times=(at,)))
    await planner.tick()
    order = [entry.job_id.int for entry in store.tables.occurrences.values()]
    assert order == [1, 2, 5, 6, 3, 4]


async def test_a_trigger_that_cannot_be_read_says_so(planner: Planner, store: FakeStore) -> None:
    job_id = add(store, upcoming=(NOON,))
    del store.tables.jobs[job_id]
    assert await planner.tick() == SET_ASIDE
    error, _ = store.tables.aside[job_id]
    assert "trigger cannot be read" in error


async def test_what_was_set_aside_is_tried_again_and_is_sound_once_it_can_be_decided(
    planner: Planner, store: FakeStore
) -> None:
    job_id = add(store, upcoming=(NOON,), trigger=BrokenTrigger(times=()))
    assert await planner.tick() == SET_ASIDE
    job = store.tables.jobs[job_id]
    job.definition = replace(job.definition, trigger=MINUTELY)
    store.now += SET_ASIDE
    await planner.tick()
    assert decisions(store, job_id) == {Decision.COALESCED: 1, Decision.FIRED: 1}
    assert not store.tables.aside


@pytest.mark.parametrize("place", [1, 2, 100, 255, 256])
async def test_of_a_batch_that_cannot_be_written_only_the_culprit_is_set_aside(
    planner: Planner, store: FakeStore, place: int
) -> None:
    jobs = [add(store, n) for n in range(1, 257)]
    culprit = JobId(uid(place))
    store.before_commit = fails_for(culprit)
    await planner.tick()
    assert set(store.tables.aside) == {culprit}
    assert all(decisions(store, job_id) == {Decision.FIRED: 1} for job_id in jobs if job_id != culprit)
    assert decisions(store, culprit) == {}


async def test_several_culprits_are_all_found(planner: Planner, store: FakeStore) -> None:
    jobs = [add(store, n) for n in range(1, 101)]
    culprits = {jobs[0], jobs[41], jobs[42], jobs[99]}
    store.before_commit = fails_for(*culprits)
    await planner.tick()
    assert set(store.tables.aside) == culprits
    assert sum(decisions(store, job_id)[Decision.FIRED] for job_id in jobs) == 96
    assert store.tables.aside[jobs[0]][0] == "RuntimeError: this row cannot be written"


async def test_after_a_culprit_the_planner_is_as_fast_as_before(planner: Planner, store: FakeStore) -> None:
    store.before_commit = fails_for(add(store, 1))
    for n in range(2, 2 + 2 * LARGEST_CHUNK):
        add(store, n)
    await planner.tick()
    assert store.commits <= 12  # the culprit; 2, 4, 8, … 128, the rest; the look that found nothing


async def test_a_culprit_is_found_by_halves(planner: Planner, store: FakeStore) -> None:
    attempts = 0

    def fails(tables: Tables) -> None:
        nonlocal attempts
        attempts += 1
        fails_for(JobId(uid(1)))(tables)

    for n in range(1, 129):
        add(store, n)
    store.before_commit = fails
    await planner.tick()
    assert attempts <= 8 + 10  # 128, 64, … 1, then the others
    assert list(store.tables.aside) == [JobId(uid(1))]


async def test_a_fire_that_is_in_the_ledger_is_passed_over_and_no_other(planner: Planner, store: FakeStore) -> None:
    all_ = replace(ALLOW, misfire=Misfire(policy=MisfirePolicy.FIRE_ALL))
    job_id = add(store, policy=all_)
    other = add(store, 2, policy=all_)
    await planner.tick()
    store.now = NOON + MINUTE
    await planner.tick()
    store.tables.schedules[job_id] = schedule(MINUTELY.times[:8], all_, job_id=job_id)  # of before both fires
    store.now = NOON + 3 * MINUTE
    await planner.tick()
    for each in (job_id, other):
        fired = [o.first_nominal for o in store.tables.occurrences.values() if o.job_id == each]
        assert sorted(fired) == list(MINUTELY.times[:4])
    assert len(store.tables.tasks) == 8
    assert store.tables.aside == {}


async def test_what_was_coalesced_into_a_known_fire_is_still_written_down(planner: Planner, store: FakeStore) -> None:
    job_id = add(store)
    store.now = NOON + MINUTE
    await planner.tick()
    store.tables.schedules[job_id] = schedule(MINUTELY.times[:8], ALLOW, job_id=job_id)
    await planner.tick()
    assert decisions(store, job_id) == {Decision.COALESCED: 2, Decision.FIRED: 1}
    assert store.tables.schedules[job_id].due_at == NOON + 2 * MINUTE


async def test_a_schedule_without_further_times_is_not_refilled(planner: Planner, store: FakeStore) -> None:
    job_id = add(store, trigger=BrokenTrigger(times=()))
    known = store.tables.schedules[job_id]
    store.tables.schedules[job_id] = replace(known, upcoming=known.upcoming[:2], exhausted=True)
    await planner.tick()
    assert store.commits == 2  # the fire, the look that found nothing


async def test_a_store_that_is_gone_condemns_nobody(planner: Planner, store: FakeStore) -> None:
    job_id = add(store)
    store.before_commit = fails_for(job_id, with_=StoreUnavailable("connection refused"))
    with pytest.raises(StoreUnavailable):
        await planner.tick()
    assert not store.tables.aside
    store.before_commit = lambda _tables: None
    await planner.tick()
    assert decisions(store, job_id) == {Decision.FIRED: 1}


async def test_a_store_that_cannot_even_say_what_is_due_is_no_reason_to_go_on(
    ids: CountedIds, wake_up: HeardWakeUp
) -> None:
    def begin() -> FakeStore:
        raise RuntimeError("no connection left")

    planner = Planner(begin, ids, CALENDARS, wake_up)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="no connection left"):
        await planner.tick()


async def test_others_get_a_turn_while_long_gaps_are_worked_off(planner: Planner, store: FakeStore) -> None:
    for n in range(1, 11):
        add(store, n)
    store.now = NOON + 300 * MINUTE
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    await planner.tick()
    counting.cancel()
    assert turns >= 10


async def test_the_planner_sleeps_until_whatever_comes_first(planner: Planner, store: FakeStore) -> None:
    add(store, upcoming=(NOON + SECOND,), policy=replace(ALLOW, jitter=HOUR))
    assert await planner.tick() == SECOND
    store.tables.aside[JobId(uid(1))] = ("x", NOON + timedelta(seconds=30))
    assert await planner.tick() == timedelta(seconds=30)
