"""Jobs: defined, changed, started, stopped, run now."""

from __future__ import annotations

import json

import msgspec
import pytest

from application.scheduling.job_document import JobChanges
from application.shared.wake_up import LANES, OPENINGS, PLANNER, executor_topic, lane_topic
from domain.scheduling.errors import (
    IllegalJobState,
    JobNameTaken,
    JobNotFound,
    Overlapping,
    UnknownJobType,
)
from domain.scheduling.firing import decide
from domain.scheduling.ids import JobId
from domain.scheduling.job import JobStatus
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import OverlapPolicy
from domain.scheduling.schedule import PLANNED_AHEAD, Schedule
from domain.scheduling.task import Origin
from domain.scheduling.task_status import TaskStatus
from domain.shared.errors import Invalid
from domain.shared.json_value import JsonText
from tests.builders import EXECUTOR_ID, HOUR, JOB_ID, MINUTE, NOON, every
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command, hourly
from tests.unit.application.fakes import ANN

HOURLY = every(HOUR, 30, NOON + HOUR)


def schedule_of(cluster: Cluster, job_id: JobId) -> Schedule:
    return cluster.store.tables.schedules[job_id]


def changes(**given: object) -> JobChanges:
    return msgspec.json.decode(json.dumps(given), type=JobChanges)


async def test_a_new_job_waits_to_be_activated(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly(active=False))
    job = cluster.store.tables.jobs[job_id]
    assert (job.status, job.created_by, job.version) == (JobStatus.CREATED, "ann", 1)
    assert schedule_of(cluster, job_id).due_at is None
    assert cluster.store.event_types() == ["JobCreated"]


async def test_a_job_created_active_knows_its_next_fires_and_the_planner_hears_of_it(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    known = schedule_of(cluster, job_id)
    assert known.upcoming == HOURLY[:PLANNED_AHEAD]
    assert (known.due_at, known.job_version) == (NOON + HOUR, 1)
    assert cluster.store.event_types() == ["JobCreated", "JobActivated"]
    assert {PLANNER, LANES} <= cluster.wake_up.topics


async def test_a_name_is_taken_once(cluster: Cluster) -> None:
    await cluster.jobs.create(ANN, command())
    with pytest.raises(JobNameTaken):
        await cluster.jobs.create(ANN, command())
    assert len(cluster.store.tables.jobs) == 1


async def test_a_job_that_does_not_fit_its_type_is_refused_and_nothing_is_stored(cluster: Cluster) -> None:
    with pytest.raises(UnknownJobType):
        await cluster.jobs.create(ANN, command(type="SHELL"))
    with pytest.raises(Invalid) as refused:
        await cluster.jobs.create(ANN, command(parameters={"command": []}))
    assert [p.pointer for p in refused.value.problems] == ["/parameters/command"]
    assert cluster.store.commits == 0


async def test_a_job_is_found_by_its_name_and_by_its_id(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, command())
    assert await cluster.jobs.activate(ANN, "backup") == await cluster.jobs.activate(ANN, job_id) == job_id
    for key in ("nobody", JOB_ID):
        with pytest.raises(JobNotFound):
            await cluster.jobs.activate(ANN, key)


async def test_activating_plans_from_now_on(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly(active=False))
    cluster.pass_time(150 * MINUTE)
    await cluster.jobs.activate(ANN, job_id)
    assert schedule_of(cluster, job_id).due_at == NOON + 3 * HOUR


async def test_pausing_stops_fires_and_resuming_catches_nothing_up(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    await cluster.jobs.pause(ANN, job_id, "holidays")
    assert schedule_of(cluster, job_id).due_at is None
    assert cluster.store.tables.jobs[job_id].status_reason == "holidays"
    cluster.pass_time(5 * HOUR + MINUTE)
    await cluster.jobs.resume(ANN, job_id)
    assert schedule_of(cluster, job_id).upcoming == HOURLY[5 : 5 + PLANNED_AHEAD]


async def test_disabling_stops_fires_for_a_reason(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    await cluster.jobs.disable(ANN, job_id, "broken")
    assert schedule_of(cluster, job_id).due_at is None
    with pytest.raises(IllegalJobState):
        await cluster.jobs.resume(ANN, job_id)


async def test_a_verb_that_is_satisfied_already_writes_nothing(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    before = cluster.store.commits
    await cluster.jobs.activate(ANN, job_id)
    assert cluster.store.commits == before


async def test_a_change_is_a_new_version_planned_anew(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    await cluster.jobs.replace_fields(ANN, job_id, changes(trigger={"type": "CRON", "expression": "30 * * * *"}))
    known = schedule_of(cluster, job_id)
    assert (known.job_version, known.due_at) == (2, NOON + 30 * MINUTE)
    assert cluster.store.event_types()[-1] == "JobUpdated"


async def test_a_change_that_says_nothing_new_is_no_version(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly(priority="HIGH"))
    before = cluster.store.commits
    await cluster.jobs.replace_fields(ANN, job_id, changes(priority=7, retry=None))
    assert cluster.store.commits == before
    assert cluster.store.tables.jobs[job_id].definition_version == 1


async def test_a_change_decides_fires_that_are_due_but_not_those_of_a_paused_time(cluster: Cluster) -> None:
    active = await cluster.jobs.create(ANN, hourly("one"))
    paused = await cluster.jobs.create(ANN, hourly("other"))
    await cluster.jobs.pause(ANN, paused)
    cluster.pass_time(2 * HOUR + MINUTE)
    for job_id in (active, paused):
        await cluster.jobs.replace_fields(ANN, job_id, changes(description="nightly"))
    decided = {o.decision for o in cluster.store.tables.occurrences.values() if o.job_id == active}
    assert decided == {Decision.COALESCED, Decision.FIRED}
    assert schedule_of(cluster, active).due_at == NOON + 3 * HOUR
    await cluster.jobs.resume(ANN, paused)
    assert schedule_of(cluster, paused).due_at == NOON + 3 * HOUR


@pytest.mark.parametrize(
    ("stop", "go", "decision", "reason"),
    [
        ("pause", "resume", Decision.SKIPPED_PAUSED, "the job was paused"),
        ("disable", "activate", Decision.SKIPPED_DISABLED, "the job was disabled"),
    ],
)
async def test_times_that_a_job_was_not_active_stand_in_the_ledger_once(
    cluster: Cluster, stop: str, go: str, decision: Decision, reason: str
) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    await getattr(cluster.jobs, stop)(ANN, job_id, "maintenance")
    cluster.pass_time(2 * HOUR + MINUTE)
    await cluster.jobs.replace_fields(ANN, job_id, changes(description="still waiting"))
    cluster.pass_time(20 * HOUR)
    await getattr(cluster.jobs, go)(ANN, job_id)
    entries = sorted(cluster.store.tables.occurrences.values(), key=lambda o: o.first_nominal)
    assert {(o.decision, o.reason) for o in entries} == {(decision, reason)}
    assert sum(o.count for o in entries) == 22
    assert (entries[0].first_nominal, entries[-1].last_nominal) == (NOON + HOUR, NOON + 22 * HOUR)
    assert schedule_of(cluster, job_id).due_at == NOON + 23 * HOUR


async def test_a_change_moves_the_job_to_the_lane_it_asks_for(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    cluster.wake_up.hints.clear()
    await cluster.jobs.replace_fields(ANN, job_id, changes(placement={"pool": "gpu"}))
    assert schedule_of(cluster, job_id).lane == 2
    assert LANES in cluster.wake_up.topics


async def test_a_job_that_reached_its_limit_goes_on_when_the_limit_is_raised(cluster: Cluster) -> None:
    trigger = {"type": "CRON", "expression": "@hourly", "maxExecutions": 1}
    job_id = await cluster.jobs.create(ANN, hourly(trigger=trigger))
    cluster.pass_time(HOUR)
    cluster.store.tables.schedules[job_id] = decide(schedule_of(cluster, job_id), cluster.store.now).after
    assert (schedule_of(cluster, job_id).exhausted, schedule_of(cluster, job_id).due_at) == (True, None)
    await cluster.jobs.replace_fields(ANN, job_id, changes(trigger=trigger | {"maxExecutions": 2}))
    assert (schedule_of(cluster, job_id).exhausted, schedule_of(cluster, job_id).due_at) == (False, NOON + 2 * HOUR)


async def test_a_deleted_job_frees_its_name_and_cancels_its_live_tasks(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    await cluster.register()
    running, waiting = [await cluster.execution.submit(ANN, job_id) for _ in range(2)]
    await cluster.claim(1)
    cluster.wake_up.hints.clear()
    await cluster.jobs.delete(ANN, job_id)
    assert schedule_of(cluster, job_id).due_at is None
    assert {cluster.task(t).status for t in (running, waiting)} == {TaskStatus.CANCELLED}
    assert cluster.task(running).stopping_until is not None
    assert cluster.task(waiting).stopping_until is None
    assert cluster.wake_up.topics == {executor_topic(EXECUTOR_ID), OPENINGS}
    assert await cluster.jobs.create(ANN, hourly()) != job_id


async def test_the_live_tasks_of_a_deleted_job_may_finish(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    task_id = await cluster.execution.submit(ANN, job_id)
    await cluster.jobs.delete(ANN, job_id, cancel_live=False)
    assert cluster.task(task_id).status is TaskStatus.PENDING


async def test_somebody_may_run_a_job_now(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    task_id = await cluster.jobs.run_now(ANN, job_id, JsonText('{"command":["false"]}'))
    task = cluster.task(task_id)
    assert (task.origin, task.scheduled_time, task.parameters) == (Origin.MANUAL, NOON, '{"command":["false"]}')
    (entry,) = cluster.store.tables.occurrences.values()
    assert (entry.decision, entry.task_id, entry.fire_key) == (Decision.FIRED, task_id, f"manual:{task_id}")
    assert schedule_of(cluster, job_id).upcoming == HOURLY[:PLANNED_AHEAD]
    assert (lane_topic(1), 1) in cluster.wake_up.hints


async def test_a_paused_job_may_be_run_by_hand_and_stays_paused(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    await cluster.jobs.pause(ANN, job_id)
    await cluster.jobs.run_now(ANN, job_id)
    assert schedule_of(cluster, job_id).due_at is None


async def test_a_job_that_is_not_in_use_cannot_be_run(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, command())
    with pytest.raises(IllegalJobState):
        await cluster.jobs.run_now(ANN, job_id)


async def test_a_run_that_would_overlap_is_refused_and_noted_unless_it_may(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    await cluster.jobs.run_now(ANN, job_id)
    with pytest.raises(Overlapping):
        await cluster.jobs.run_now(ANN, job_id)
    assert [o.decision for o in cluster.store.tables.occurrences.values()] == [
        Decision.FIRED, Decision.SKIPPED_OVERLAP
    ]  # fmt: skip
    await cluster.jobs.run_now(ANN, job_id, overlap=OverlapPolicy.ALLOW)
    assert len(cluster.store.tables.tasks) == 2


async def test_a_run_may_be_told_not_to_overlap(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly(overlap="ALLOW"))
    await cluster.jobs.run_now(ANN, job_id)
    await cluster.jobs.run_now(ANN, job_id)
    with pytest.raises(Overlapping):
        await cluster.jobs.run_now(ANN, job_id, overlap=OverlapPolicy.SKIP)


async def test_tasks_asked_for_directly_are_in_nobodys_way(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly())
    await cluster.execution.submit(ANN, job_id)
    await cluster.jobs.run_now(ANN, job_id)
    await cluster.execution.submit(ANN, job_id)
    assert len(cluster.store.tables.tasks) == 3
    assert len(cluster.store.tables.occurrences) == 1
