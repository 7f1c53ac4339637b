"""Skipping single fires, and letting them run after all."""

from __future__ import annotations

from datetime import datetime

import pytest

from application.scheduling.planner import Planner
from domain.scheduling.errors import IllegalJobState
from domain.scheduling.ids import JobId
from domain.scheduling.occurrence import Decision
from domain.scheduling.skip import MOST_SKIPS, FireNotPlanned, TooManySkips
from tests.builders import CALENDARS, HOUR, MINUTE, NOON
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command, hourly
from tests.unit.application.fakes import ANN

ONE = NOON + HOUR


@pytest.fixture
async def job_id(cluster: Cluster) -> JobId:
    return await cluster.jobs.create(ANN, hourly())


async def planner_ticks(cluster: Cluster) -> None:
    await Planner(cluster.store.begin, cluster.ids, CALENDARS, cluster.wake_up).tick()


async def shown(cluster: Cluster, job_id: JobId, count: int = 3) -> list[tuple[datetime, str | None]]:
    fires = (await cluster.forecast.of_job(ANN, job_id, count)).fires
    return [(fire.nominal_at, fire.skip.words if fire.skip else None) for fire in fires]


async def test_a_skipped_fire_is_shown_so_and_leaves_an_entry_in_the_ledger(cluster: Cluster, job_id: JobId) -> None:
    fire = await cluster.skips.skip(ANN, job_id, ONE, "release")
    assert (fire.nominal_at, fire.planned_at, fire.skip and fire.skip.reason) == (ONE, ONE, "release")
    assert await shown(cluster, job_id) == [(ONE, "ann: release"), (ONE + HOUR, None), (ONE + 2 * HOUR, None)]
    cluster.pass_time(HOUR)
    await planner_ticks(cluster)
    (entry,) = cluster.store.tables.occurrences.values()
    assert (entry.decision, entry.reason, entry.task_id) == (Decision.SKIPPED_BY_USER, "ann: release", None)
    assert not cluster.store.tables.tasks
    assert cluster.store.event_types()[-2:] == ["FireSkipped", "OccurrenceDecided"]


async def test_a_fire_that_is_skipped_already_keeps_its_reason_and_says_nothing_anew(
    cluster: Cluster, job_id: JobId
) -> None:
    await cluster.skips.skip(ANN, job_id, ONE, "release")
    events = cluster.store.event_types()
    again = await cluster.skips.skip(ANN, job_id, ONE, "another reason")
    assert again.skip is not None
    assert again.skip.reason == "release"
    assert cluster.store.event_types() == events


async def test_a_reinstated_fire_runs(cluster: Cluster, job_id: JobId) -> None:
    await cluster.skips.skip(ANN, job_id, ONE, "release")
    fire = await cluster.skips.reinstate(ANN, job_id, ONE)
    await cluster.skips.reinstate(ANN, job_id, ONE)
    assert fire.skip is None
    assert cluster.store.event_types().count("FireReinstated") == 1
    cluster.pass_time(HOUR)
    await planner_ticks(cluster)
    assert len(cluster.store.tables.tasks) == 1


async def test_a_skip_outlives_a_pause_and_a_change_of_the_job(cluster: Cluster, job_id: JobId) -> None:
    await cluster.skips.skip(ANN, job_id, ONE + HOUR, "release")
    await cluster.jobs.pause(ANN, job_id)
    cluster.pass_time(HOUR + MINUTE)
    await cluster.jobs.resume(ANN, job_id)
    await cluster.jobs.merge(ANN, job_id, {"trigger": {"type": "CRON", "expression": "*/30 * * * *"}})
    assert await shown(cluster, job_id, 2) == [(ONE + HOUR / 2, None), (ONE + HOUR, "ann: release")]


async def test_a_limit_does_not_count_skipped_fires(cluster: Cluster) -> None:
    trigger = {"type": "CRON", "expression": "@hourly", "maxExecutions": 2}
    job_id = await cluster.jobs.create(ANN, hourly(trigger=trigger))
    await cluster.skips.skip(ANN, job_id, ONE, "release")
    assert [nominal for nominal, _ in await shown(cluster, job_id, 9)] == [ONE, ONE + HOUR, ONE + 2 * HOUR]


async def test_the_next_fire_after_a_run_can_be_skipped_and_no_later_one(cluster: Cluster) -> None:
    trigger = {"type": "FIXED_DELAY", "delay": "PT10M", "initialDelay": "PT1M"}
    job_id = await cluster.jobs.create(ANN, command(active=True, trigger=trigger))
    await cluster.skips.skip(ANN, job_id, NOON + MINUTE, "release")
    with pytest.raises(FireNotPlanned):
        await cluster.skips.skip(ANN, job_id, NOON + 11 * MINUTE, "release")
    cluster.pass_time(MINUTE)
    await planner_ticks(cluster)
    assert cluster.store.tables.schedules[job_id].due_at == NOON + 11 * MINUTE


async def test_a_time_that_is_none_of_the_job_is_refused_with_those_that_are(cluster: Cluster, job_id: JobId) -> None:
    with pytest.raises(FireNotPlanned) as refused:
        await cluster.skips.skip(ANN, job_id, ONE + MINUTE, "release")
    (problem,) = refused.value.problems
    assert problem.pointer == "/nominalAt"
    assert "2031-05-06T13:00:00Z, 2031-05-06T14:00:00Z, 2031-05-06T15:00:00Z" in problem.detail
    cluster.pass_time(HOUR)
    await planner_ticks(cluster)
    with pytest.raises(FireNotPlanned):
        await cluster.skips.skip(ANN, job_id, ONE, "too late")


async def test_a_job_without_fires_to_come_says_so(cluster: Cluster) -> None:
    asleep = await cluster.jobs.create(ANN, command(name="asleep"))
    with pytest.raises(IllegalJobState):
        await cluster.skips.skip(ANN, asleep, ONE, "release")
    await cluster.jobs.activate(ANN, asleep)
    with pytest.raises(FireNotPlanned, match="It has no fires to come"):
        await cluster.skips.skip(ANN, asleep, ONE, "release")


async def test_so_many_fires_can_be_skipped_and_no_more(cluster: Cluster, job_id: JobId) -> None:
    for n in range(MOST_SKIPS):
        await cluster.skips.skip(ANN, job_id, ONE + n * HOUR, "release")
    with pytest.raises(TooManySkips):
        await cluster.skips.skip(ANN, job_id, ONE + MOST_SKIPS * HOUR, "release")
