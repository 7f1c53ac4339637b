"""Where a job's times begin: at its activation, or where its trigger changed; and what is no way to begin."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import msgspec
import pytest

from application.scheduling.job_document import JobChanges
from domain.scheduling.ids import JobId
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from domain.shared.errors import Invalid
from domain.timing.triggers.one_time import OneTimeTrigger
from tests.builders import HOUR, MINUTE, NOON, SECOND, every
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command, text
from tests.unit.application.fakes import ANN

HOURLY = {"type": "FIXED_RATE", "every": "PT1H"}
SEVEN = timedelta(minutes=7)


def known(cluster: Cluster, job_id: JobId) -> tuple[datetime, ...]:
    return cluster.store.tables.schedules[job_id].upcoming


def changes(**given: object) -> JobChanges:
    return msgspec.json.decode(json.dumps(given), type=JobChanges)


def once(at: datetime) -> dict[str, object]:
    return {"type": "ONE_TIME", "at": at.isoformat()}


async def test_a_job_created_active_counts_from_now_and_its_first_time_may_be_now(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, command(active=True, trigger=HOURLY))
    assert known(cluster, job_id) == every(HOUR, 8, NOON)
    delayed = await cluster.jobs.create(ANN, command("b", active=True, trigger={**HOURLY, "initialDelay": "PT5M"}))
    assert known(cluster, delayed) == every(HOUR, 8, NOON + 5 * MINUTE)


async def test_a_job_activated_later_counts_from_then(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, command(trigger=HOURLY))
    assert cluster.store.tables.schedules[job_id].state.since is None
    cluster.pass_time(SEVEN)
    await cluster.jobs.activate(ANN, job_id)
    assert known(cluster, job_id) == every(HOUR, 8, NOON + SEVEN)


async def test_a_pause_does_not_move_the_times(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, command(active=True, trigger=HOURLY))
    await cluster.jobs.pause(ANN, job_id)
    cluster.pass_time(2 * HOUR + SEVEN)
    await cluster.jobs.resume(ANN, job_id)
    assert known(cluster, job_id) == every(HOUR, 8, NOON + 3 * HOUR)


async def test_an_activation_after_a_disabling_counts_anew(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, command(active=True, trigger=HOURLY))
    await cluster.jobs.disable(ANN, job_id, "broken")
    cluster.pass_time(SEVEN)
    await cluster.jobs.activate(ANN, job_id)
    assert known(cluster, job_id) == every(HOUR, 8, NOON + SEVEN)


async def test_a_changed_trigger_counts_from_the_change_and_other_changes_move_nothing(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, command(active=True, trigger={**HOURLY, "initialDelay": "PT1H"}))
    cluster.pass_time(SEVEN)
    await cluster.jobs.replace_fields(ANN, job_id, changes(description="new"))
    assert known(cluster, job_id) == every(HOUR, 8, NOON + HOUR)
    await cluster.jobs.replace_fields(ANN, job_id, changes(trigger={"type": "FIXED_RATE", "every": "PT30M"}))
    assert known(cluster, job_id) == every(30 * MINUTE, 8, NOON + SEVEN)


async def test_applying_the_same_document_again_moves_nothing(cluster: Cluster) -> None:
    document = text(active=True, trigger={**HOURLY, "initialDelay": "PT1H"})
    await cluster.jobs.apply(ANN, [document])
    cluster.pass_time(SEVEN)
    (again,) = await cluster.jobs.apply(ANN, [document])
    assert (again.action, again.next_fire_at) == ("UNCHANGED", NOON + HOUR)
    (changed,) = await cluster.jobs.apply(ANN, [text(active=True, trigger={**HOURLY, "initialDelay": "PT2H"})])
    assert (changed.action, changed.next_fire_at) == ("UPDATED", NOON + SEVEN + 2 * HOUR)


async def test_applying_activates_and_counts_from_then(cluster: Cluster) -> None:
    await cluster.jobs.apply(ANN, [text(trigger=HOURLY)])
    cluster.pass_time(SEVEN)
    (active,) = await cluster.jobs.apply(ANN, [text(active=True, trigger=HOURLY)])
    assert (active.action, active.next_fire_at) == ("UPDATED", NOON + SEVEN)


async def test_a_time_that_has_passed_is_no_way_to_begin(cluster: Cluster) -> None:
    with pytest.raises(Invalid) as refused:
        await cluster.jobs.create(ANN, command(trigger=once(NOON)))
    assert [(p.pointer, p.code) for p in refused.value.problems] == [("/trigger/at", "IN_THE_PAST")]
    (applied,) = await cluster.jobs.apply(ANN, [text(trigger=once(NOON - SECOND))])
    assert applied.action == "FAILED"
    assert not cluster.store.tables.jobs


async def test_a_job_whose_time_has_passed_may_be_changed_but_not_to_another_such_time(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, command(active=True, trigger=once(NOON + MINUTE)))
    cluster.pass_time(HOUR)
    await cluster.jobs.replace_fields(ANN, job_id, changes(description="done", trigger=once(NOON + MINUTE)))
    assert cluster.store.tables.jobs[job_id].definition.description == "done"
    with pytest.raises(Invalid):
        await cluster.jobs.replace_fields(ANN, job_id, changes(trigger=once(NOON + 2 * MINUTE)))
    await cluster.jobs.replace_fields(ANN, job_id, changes(trigger=once(NOON + 2 * HOUR)))
    assert known(cluster, job_id)[-1] == NOON + 2 * HOUR


def test_the_only_fire_of_a_job_runs_however_late_unless_a_window_is_set() -> None:
    all_ = Misfire(policy=MisfirePolicy.FIRE_ALL)
    policy = FiringPolicy.of(OneTimeTrigger(at=NOON), all_, OverlapPolicy.SKIP)
    assert (policy.recurs, policy.late_policy) == (False, MisfirePolicy.FIRE_ONCE)
    assert FiringPolicy(misfire=all_).late_policy is MisfirePolicy.FIRE_ALL
