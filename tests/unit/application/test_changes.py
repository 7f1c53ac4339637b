"""A change takes effect at an instant: what was due before it is the former version's, what comes after is the new."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from application.scheduling.job_document import JobChanges
from application.scheduling.job_terms import Rehearsal, Terms
from domain.scheduling.job import JobStatus
from domain.scheduling.occurrence import Decision
from domain.scheduling.switch import FIRING, Stopped
from tests.builders import MINUTE, NOON
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command
from tests.unit.application.fakes import ANN

HOUR = 60 * MINUTE


def changes(**given: Any) -> JobChanges:
    return msgspec.convert(given, JobChanges)


def cron(expression: str) -> dict[str, Any]:
    return {"type": "CRON", "expression": expression}


def ledger(cluster: Cluster) -> list[tuple[Any, int, Decision]]:
    entries = cluster.store.tables.occurrences.values()
    return sorted((o.last_nominal, o.job_version, o.decision) for o in entries)


async def test_what_was_due_fires_as_the_former_version_however_late_the_planner_is(cluster: Cluster) -> None:
    await cluster.jobs.create(ANN, command(active=True, trigger=cron("0 * * * *"), overlap="ALLOW"))
    cluster.pass_time(HOUR + MINUTE / 2)
    await cluster.jobs.replace_fields(ANN, "backup", changes(trigger=cron("30 * * * *"), parameters={"command": "b"}))
    (task,) = cluster.store.tables.tasks.values()
    assert (task.scheduled_time, task.parameters) == (NOON + HOUR, None)
    assert ledger(cluster) == [(NOON + HOUR, 1, Decision.FIRED)]
    (schedule,) = cluster.store.tables.schedules.values()
    assert schedule.upcoming[0] == NOON + 90 * MINUTE


async def test_what_it_missed_is_decided_by_the_former_misfire_policy(cluster: Cluster) -> None:
    await cluster.jobs.create(
        ANN, command(active=True, trigger=cron("* * * * *"), misfire={"policy": "SKIP"}, overlap="ALLOW")
    )
    cluster.pass_time(10 * MINUTE + MINUTE / 2)
    await cluster.jobs.replace_fields(ANN, "backup", changes(misfire={"policy": "FIRE_ALL"}))
    assert [(version, decision) for _, version, decision in ledger(cluster)] == [
        (1, Decision.MISSED),
        (1, Decision.FIRED),
    ]


@pytest.mark.parametrize("verb", ["pause", "disable"])
async def test_a_fire_that_was_due_before_a_pause_is_not_held_back_by_it(cluster: Cluster, verb: str) -> None:
    await cluster.jobs.create(ANN, command(active=True, trigger=cron("0 * * * *")))
    cluster.pass_time(HOUR)
    await getattr(cluster.jobs, verb)(ANN, "backup", "moving")
    assert ledger(cluster) == [(NOON + HOUR, 1, Decision.FIRED)]


async def test_while_firing_is_stopped_nothing_fires_by_a_change(cluster: Cluster) -> None:
    await cluster.jobs.create(ANN, command(active=True, trigger=cron("0 * * * *")))
    cluster.store.tables.switches[FIRING] = Stopped(switch=FIRING, reason="move", since=NOON, by="ann")
    cluster.pass_time(HOUR)
    await cluster.jobs.replace_fields(ANN, "backup", changes(description="new"))
    assert ledger(cluster) == []
    (schedule,) = cluster.store.tables.schedules.values()
    assert schedule.upcoming[0] == NOON + HOUR


async def test_a_deleted_job_fires_no_more(cluster: Cluster) -> None:
    await cluster.jobs.create(ANN, command(active=True, trigger=cron("0 * * * *")))
    cluster.pass_time(HOUR)
    await cluster.jobs.delete(ANN, "backup")
    assert ledger(cluster) == []


async def test_a_rehearsal_knows_which_fires_come_and_go(cluster: Cluster) -> None:
    await cluster.jobs.create(ANN, command(active=True, trigger=cron("0 0,12 * * *")))
    rehearsal = Rehearsal()
    await cluster.jobs.replace_fields(ANN, "backup", changes(trigger=cron("0 0,6 * * *")), Terms(rehearsal=rehearsal))
    assert rehearsal.before is not None
    assert rehearsal.job is not None
    assert rehearsal.schedule is not None
    from application.scheduling.fire_difference import Standing

    found = cluster.forecast.compare(rehearsal.before, Standing.of(rehearsal.job, rehearsal.schedule), days=2)
    assert found.added == [NOON + 18 * HOUR, NOON + 42 * HOUR]
    assert found.removed == [NOON + 24 * HOUR]
    assert (found.added_count, found.removed_count, found.unchanged_count) == (2, 1, 2)
    assert ledger(cluster) == []


async def test_of_a_pause_all_fires_go_and_of_a_creation_all_come(cluster: Cluster) -> None:
    (applied,) = await cluster.jobs.apply(ANN, [_document("0 * * * *")], dry_run=True)
    assert applied.fires is not None
    assert (applied.fires.added_count, applied.fires.removed_count) == (7 * 24 - 1, 0)
    await cluster.jobs.create(ANN, command(active=True, trigger=cron("0 * * * *")))
    rehearsal = Rehearsal()
    await cluster.jobs.pause(ANN, "backup", "moving", Terms(rehearsal=rehearsal))
    assert rehearsal.job is not None
    assert rehearsal.job.status is JobStatus.PAUSED
    (applied,) = await cluster.jobs.apply(ANN, [_document("0 * * * *")], dry_run=True)
    assert applied.fires is not None
    assert (applied.fires.added_count, applied.fires.removed_count) == (0, 0)


async def test_of_a_job_that_fires_all_the_time_it_compares_as_far_as_it_can(cluster: Cluster) -> None:
    (applied,) = await cluster.jobs.apply(ANN, [_document("* * * * * *")], dry_run=True)
    assert applied.fires is not None
    assert (applied.fires.added_count, len(applied.fires.added)) == (2_000, 100)
    assert applied.fires.until < NOON + HOUR


def _document(expression: str) -> bytes:
    trigger = {"type": "CRON", "expression": expression}
    document = {"name": "backup", "type": "COMMAND", "active": True, "parameters": {"command": ["true"]}}
    return msgspec.json.encode(document | {"trigger": trigger})
