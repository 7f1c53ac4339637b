"""Backfills: only what the ledger lacks, behind the fires of the schedule, and never more at once than was said."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from application.scheduling.backfiller import Backfiller
from application.scheduling.backfills import MOST_COUNTED, SHOWN_TIMES, Backfills
from application.scheduling.planner import Planner
from application.shared.errors import StoreUnavailable
from application.shared.wake_up import BACKFILLS, lane_topic
from domain.scheduling.backfill import LOOK_AGAIN, Backfill, BackfillStatus
from domain.scheduling.backfill_errors import BackfillUnderWay, NothingToBackfill
from domain.scheduling.backfill_plan import BackfillOrder, BackfillOverlap, BackfillPlan
from domain.scheduling.errors import IllegalJobState
from domain.scheduling.ids import BackfillId, JobId
from domain.scheduling.job import JobStatus
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, OverlapPolicy
from domain.scheduling.task import Origin
from domain.scheduling.task_status import TaskStatus
from domain.timing.trigger import Trigger
from domain.timing.triggers.fixed_delay import FixedDelayTrigger
from domain.timing.triggers.manual import ManualTrigger
from tests.builders import CALENDARS, DAY, HOUR, MINUTE, NOON, BrokenTrigger, TimesTrigger, every
from tests.unit.application.fake_store import FakeStore, Tables
from tests.unit.application.fakes import ANN, CountedIds, HeardWakeUp
from tests.unit.application.test_planner import add

HOURLY = TimesTrigger(times=every(HOUR, 500, NOON - 10 * DAY))
SKIP = FiringPolicy()


@pytest.fixture
def backfills(store: FakeStore, ids: CountedIds, wake_up: HeardWakeUp) -> Backfills:
    return Backfills(store.begin, ids, CALENDARS, wake_up)


@pytest.fixture
def backfiller(store: FakeStore, ids: CountedIds, wake_up: HeardWakeUp) -> Backfiller:
    return Backfiller(store.begin, ids, CALENDARS, wake_up)


def job(store: FakeStore, trigger: Trigger = HOURLY, policy: FiringPolicy = SKIP) -> JobId:
    """Fires hourly; next in an hour."""
    return add(store, trigger=trigger, upcoming=every(HOUR, 8, NOON + HOUR), policy=policy)


async def start(backfills: Backfills, job_id: JobId, hours: int = 24, **plan: Any) -> BackfillId:
    """Over the last hours."""

    def planned(overlap: BackfillOverlap) -> BackfillPlan:
        return BackfillPlan(**{"begin": NOON - hours * HOUR, "end": NOON, "overlap": overlap, **plan})

    return await backfills.start(ANN, job_id, planned)


def only(store: FakeStore) -> Backfill:
    (found,) = store.tables.backfills.values()
    return found


def tasks(store: FakeStore) -> list[datetime | None]:
    """The nominal times of those created by backfills, in that order."""
    return [t.nominal_at for t in store.tables.tasks.values() if t.origin is Origin.BACKFILL]


def end_all(store: FakeStore, took: timedelta = MINUTE) -> None:
    """Every live task completes."""
    for task in list(store.tables.tasks.values()):
        if task.is_live:
            ended = replace(task, status=TaskStatus.COMPLETED, ended_at=task.scheduled_time + took)
            store.tables.tasks[task.id] = ended


async def through(backfiller: Backfiller, store: FakeStore, rounds: int = 100) -> None:
    """A second passes after each round, in which every task ends."""
    for _ in range(rounds):
        await backfiller.tick()
        end_all(store)
        store.now += timedelta(seconds=1)


async def test_each_missing_time_runs_once_one_after_the_other_oldest_first(
    backfills: Backfills, backfiller: Backfiller, store: FakeStore, wake_up: HeardWakeUp
) -> None:
    await start(backfills, job(store))
    assert BACKFILLS in wake_up.topics
    await backfiller.tick()
    assert tasks(store) == [NOON - DAY]
    assert lane_topic(1) in wake_up.topics
    await backfiller.tick()
    assert len(tasks(store)) == 1  # the first one is still live
    await through(backfiller, store)
    assert tasks(store) == list(every(HOUR, 24, NOON - DAY))
    done = only(store)
    assert (done.status, done.fired, done.passed, done.progress) == (BackfillStatus.COMPLETED, 24, 0, 1.0)
    assert all(t.scheduled_time >= NOON and t.priority == 1 for t in store.tables.tasks.values())
    assert store.event_types()[0] == "BackfillStarted"
    assert store.event_types().count("BackfillCompleted") == 1


async def test_newest_first_with_an_overlap_runs_so_many_at_once(
    backfills: Backfills, backfiller: Backfiller, store: FakeStore
) -> None:
    allow = FiringPolicy(overlap=OverlapPolicy.ALLOW)
    await start(backfills, job(store, policy=allow), order=BackfillOrder.NEWEST_FIRST, max_live=3)
    await backfiller.tick()
    assert tasks(store) == [NOON - HOUR, NOON - 2 * HOUR, NOON - 3 * HOUR]
    await backfiller.tick()
    assert len(tasks(store)) == 3
    assert only(store).status_reason == "3 of its tasks are unfinished, as many as may be"


async def test_what_has_fired_does_not_fire_again_whoever_made_it(
    backfills: Backfills, backfiller: Backfiller, store: FakeStore
) -> None:
    job_id = job(store)
    await start(backfills, job_id, hours=10)
    await through(backfiller, store)
    before = len(tasks(store))
    await start(backfills, job_id, hours=24)
    await through(backfiller, store)
    again = max(store.tables.backfills.values(), key=lambda b: b.id)
    assert (before, again.fired, again.passed) == (10, 14, 10)
    fired = [o.fire_key for o in store.tables.occurrences.values() if o.decision is Decision.FIRED]
    assert len(fired) == len(set(fired)) == 24


async def test_force_runs_what_has_fired_under_keys_of_its_own(
    backfills: Backfills, backfiller: Backfiller, store: FakeStore
) -> None:
    job_id = job(store)
    await start(backfills, job_id, hours=3)
    await through(backfiller, store)
    forced = await start(backfills, job_id, hours=3, force=True)
    await through(backfiller, store)
    assert len(tasks(store)) == 6
    keys = [o.fire_key for o in store.tables.occurrences.values()]
    assert sum(key.startswith(f"backfill:{forced}:") for key in keys) == 3


async def test_a_normal_fire_of_the_job_is_never_skipped_for_it_while_runs_take_as_long_as_before(
    backfills: Backfills, backfiller: Backfiller, store: FakeStore, ids: CountedIds, wake_up: HeardWakeUp
) -> None:
    """Minutely fires of 20 s, backfilled runs of 25 s: only what does not reach into the next minute is started."""
    trigger = TimesTrigger(times=every(MINUTE, 3000, NOON - DAY))
    job_id = add(store, trigger=trigger, upcoming=every(MINUTE, 8, NOON + MINUTE), policy=SKIP)
    planner = Planner(store.begin, ids, CALENDARS, wake_up)
    await start(backfills, job_id, hours=2)
    for _ in range(1800):
        await planner.tick()
        await backfiller.tick()
        for task in list(store.tables.tasks.values()):
            took = timedelta(seconds=25 if task.origin is Origin.BACKFILL else 20)
            if task.is_live and store.now - task.scheduled_time >= took:
                store.tables.tasks[task.id] = replace(task, status=TaskStatus.COMPLETED, ended_at=store.now)
        store.now += timedelta(seconds=1)
    decided = [o for o in store.tables.occurrences.values() if o.first_nominal > NOON]
    assert {o.decision for o in decided} == {Decision.FIRED}
    assert len(decided) == 29
    assert only(store).fired > 20


async def test_at_most_every_second_normal_fire_is_skipped_however_long_backfilled_runs_take(
    backfills: Backfills, backfiller: Backfiller, store: FakeStore, ids: CountedIds, wake_up: HeardWakeUp
) -> None:
    trigger = TimesTrigger(times=every(MINUTE, 3000, NOON - DAY))
    job_id = add(store, trigger=trigger, upcoming=every(MINUTE, 8, NOON + MINUTE), policy=SKIP)
    planner = Planner(store.begin, ids, CALENDARS, wake_up)
    await start(backfills, job_id, hours=2)
    lengths = iter([1, 1, 1, 1, 1, 90] * 500)  # long ones come unforeseen
    planned_end: dict[object, datetime] = {}
    for _ in range(1800):
        await planner.tick()
        await backfiller.tick()
        for task in list(store.tables.tasks.values()):
            if task.is_live:
                length = next(lengths) if task.origin is Origin.BACKFILL and task.id not in planned_end else 1
                end = planned_end.setdefault(task.id, store.now + timedelta(seconds=length))
                if store.now >= end:
                    store.tables.tasks[task.id] = replace(task, status=TaskStatus.COMPLETED, ended_at=store.now)
        store.now += timedelta(seconds=1)
    entries = sorted((o for o in store.tables.occurrences.values() if o.first_nominal > NOON), key=lambda o: o.id)
    skipped = [o.count for o in entries if o.decision is Decision.SKIPPED_OVERLAP]
    assert skipped
    assert sum(o.decision is Decision.FIRED for o in entries) >= len(skipped)
    assert max(skipped) <= 2  # a run of 90 s covers two of the minutes


async def test_a_rehearsal_counts_shows_the_first_times_and_keeps_nothing(
    backfills: Backfills, backfiller: Backfiller, store: FakeStore
) -> None:
    job_id = job(store)
    await start(backfills, job_id, hours=4)
    await through(backfiller, store)
    plan = BackfillPlan(begin=NOON - 5 * DAY, end=NOON, order=BackfillOrder.NEWEST_FIRST)
    found = await backfills.rehearse(ANN, job_id, lambda _: plan)
    assert (found.count, found.passed, found.exact) == (116, 4, True)
    assert list(found.times) == [NOON - n * HOUR for n in range(5, 5 + SHOWN_TIMES)]
    assert len(store.tables.backfills) == 1


async def test_a_rehearsal_of_a_year_of_minutes_counts_only_so_far(backfills: Backfills, store: FakeStore) -> None:
    job_id = job(store, TimesTrigger(times=every(MINUTE, 600_000, NOON - 366 * DAY)))
    found = await backfills.rehearse(ANN, job_id, lambda _: BackfillPlan(begin=NOON - 365 * DAY, end=NOON))
    assert (found.count, found.exact) == (MOST_COUNTED, False)


async def test_a_job_has_one_backfill_at_a_time(backfills: Backfills, store: FakeStore) -> None:
    job_id = job(store)
    first = await start(backfills, job_id)
    with pytest.raises(BackfillUnderWay):
        await start(backfills, job_id)
    await backfills.cancel(ANN, first, "wrong day")
    await start(backfills, job_id)


@pytest.mark.parametrize(
    "trigger", [ManualTrigger(), FixedDelayTrigger(delay=HOUR), TimesTrigger(times=every(HOUR, 5, NOON))]
)
async def test_what_has_no_times_in_the_past_is_refused(
    backfills: Backfills, store: FakeStore, trigger: Trigger
) -> None:
    with pytest.raises(NothingToBackfill):
        await start(backfills, job(store, trigger))


async def test_only_a_job_that_may_run_is_backfilled(
    backfills: Backfills, backfiller: Backfiller, store: FakeStore
) -> None:
    job_id = job(store)
    await start(backfills, job_id)
    store.tables.jobs[job_id].disable("broken", "ann", NOON)
    await backfiller.tick()
    assert (only(store).status, only(store).updated_by) == (BackfillStatus.PAUSED, "platform")
    assert not tasks(store)
    store.tables.jobs[job_id].activate("ann", NOON)
    await backfills.resume(ANN, only(store).id)
    await backfiller.tick()
    assert len(tasks(store)) == 1
    store.tables.jobs[job_id].status = JobStatus.DELETED
    store.now += MINUTE
    await backfiller.tick()
    assert (only(store).status, only(store).status_reason) == (BackfillStatus.CANCELLED, "the job was deleted")
    store.tables.jobs[job_id].status = JobStatus.DISABLED
    with pytest.raises(IllegalJobState):
        await start(backfills, job_id)


async def test_one_that_cannot_go_on_is_paused_with_the_reason_and_holds_up_no_other(
    backfills: Backfills, backfiller: Backfiller, store: FakeStore
) -> None:
    ill, well = job(store), add(store, 2, trigger=HOURLY, upcoming=every(HOUR, 8, NOON + HOUR), policy=SKIP)
    for job_id in (ill, well):
        await start(backfills, job_id)
    definition = store.tables.jobs[ill].definition
    store.tables.jobs[ill].definition = replace(definition, trigger=BrokenTrigger(times=()))
    assert await backfiller.tick() == LOOK_AGAIN
    paused = next(b for b in store.tables.backfills.values() if b.job_id == ill)
    assert (paused.status, paused.status_reason) == (
        BackfillStatus.PAUSED,
        "RuntimeError: the calendar of holidays is gone",
    )
    assert len(tasks(store)) == 1


async def test_a_store_that_goes_away_leaves_all_as_it_was(
    backfills: Backfills, backfiller: Backfiller, store: FakeStore
) -> None:
    await start(backfills, job(store))

    def away(_tables: Tables) -> None:
        raise StoreUnavailable("gone")

    store.before_commit = away
    with pytest.raises(StoreUnavailable):
        await backfiller.tick()
    assert only(store).status is BackfillStatus.RUNNING
    assert not tasks(store)


async def test_while_firing_is_stopped_backfills_rest_as_well(
    backfills: Backfills, store: FakeStore, ids: CountedIds, wake_up: HeardWakeUp
) -> None:
    from application.scheduling.switches import RECHECK, Switches
    from domain.scheduling.switch import FIRING
    from tests.unit.application.fakes import SetClock

    switches = Switches(store.begin, SetClock(), wake_up)
    await start(backfills, job(store))
    await switches.stop(ANN, FIRING, "flood")
    assert await Backfiller(store.begin, ids, CALENDARS, wake_up, stops=switches).tick() == RECHECK
    assert not tasks(store)


async def test_nothing_to_do_is_nothing_done(backfiller: Backfiller, store: FakeStore) -> None:
    assert await backfiller.tick() is None
    assert store.commits == 0
