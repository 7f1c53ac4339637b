"""A change that is announced: fires before its instant are of the former version, those after it of the new one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from application.scheduling.coming_changes import ComingChanges
from application.scheduling.fire_difference import difference
from application.scheduling.job_document import JobChanges
from application.scheduling.job_planning import JobPlanning
from application.scheduling.job_terms import Rehearsal, Terms
from application.scheduling.planner import SET_ASIDE, Planner
from domain.scheduling.coming_change import FURTHEST, ChangeComing
from domain.scheduling.ids import JobId
from domain.scheduling.job import Job, JobStatus
from domain.scheduling.schedule import Schedule
from domain.shared.errors import Invalid
from infrastructure.cel_conditions import CelConditions
from tests.builders import CALENDARS, HOUR, MINUTE, NOON, SECOND
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command
from tests.unit.application.fakes import ANN

AT = NOON + 150 * MINUTE


def cron(expression: str) -> dict[str, Any]:
    return {"type": "CRON", "expression": expression}


class House:
    """A cluster whose planner makes announced changes."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.jobs = cluster, cluster.jobs
        begin, ids, wake_up = cluster.store.begin, cluster.ids, cluster.wake_up
        planning = JobPlanning(ids, CALENDARS, cluster.lanes, wake_up, CelConditions())
        self.changes = ComingChanges(begin, planning)
        self.planner = Planner(begin, ids, CALENDARS, wake_up, take_effect=self.changes.take_effect)

    async def create(self, expression: str = "0 * * * *", **fields: Any) -> JobId:
        given = {"active": True, "overlap": "ALLOW", "trigger": cron(expression), **fields}
        return await self.jobs.create(ANN, command(**given))

    async def announce(self, at: datetime = AT, terms: Terms | None = None, **given: Any) -> None:
        terms = replace(terms or Terms(), effective_from=at)
        await self.jobs.replace_fields(ANN, "backup", msgspec.convert(given, JobChanges), terms)

    async def run_until(self, end: datetime) -> None:
        """A planner that is always in time."""
        while (wait := await self.planner.tick()) is not None and self.cluster.store.now + wait <= end:
            self.cluster.pass_time(wait)

    def ledger(self) -> list[tuple[timedelta, int, str, int]]:
        entries = self.cluster.store.tables.occurrences.values()
        return sorted((o.last_nominal - NOON, o.job_version, o.decision.value, o.count) for o in entries)

    @property
    def job(self) -> Job:
        (job,) = self.cluster.store.tables.jobs.values()
        return job

    @property
    def schedule(self) -> Schedule:
        (schedule,) = self.cluster.store.tables.schedules.values()
        return schedule


@pytest.fixture
def house(cluster: Cluster) -> House:
    return House(cluster)


async def test_fires_before_the_instant_are_of_the_former_version_and_those_after_it_of_the_new(house: House) -> None:
    await house.create()
    await house.announce(trigger=cron("30 * * * *"), parameters={"command": ["new"]})
    assert house.job.definition_version == 1
    await house.run_until(NOON + 4 * HOUR)
    hours = [(entry[0] / HOUR, entry[1]) for entry in house.ledger()]
    assert hours == [(1, 1), (2, 1), (2.5, 2), (3.5, 2)]
    assert (house.job.definition_version, house.job.coming, house.schedule.changes_at) == (2, None, None)


@pytest.mark.parametrize("late", [timedelta(0), SECOND, 90 * MINUTE, 3 * HOUR])
async def test_a_planner_that_comes_late_decides_each_by_its_own_version(house: House, late: timedelta) -> None:
    await house.create("*/10 * * * *", misfire={"policy": "FIRE_ALL"})
    await house.announce(trigger=cron("*/15 * * * *"), misfire={"policy": "SKIP"})
    house.cluster.pass_time(AT + late - NOON)
    await house.planner.tick()
    old = [entry for entry in house.ledger() if entry[1] == 1]
    assert old == [(n * 10 * MINUTE, 1, "FIRED", 1) for n in range(1, 15)]
    new = [entry for entry in house.ledger() if entry[1] == 2]
    assert sum(entry[3] for entry in new) == late // (15 * MINUTE) + 1
    assert new[-1][0] == (AT + late - NOON) // (15 * MINUTE) * (15 * MINUTE)
    assert {entry[2] for entry in new[:-1]} <= {"MISSED"}


async def test_only_other_parameters_leave_the_times_as_they_are(house: House) -> None:
    await house.create("*/20 * * * *")
    await house.announce(AT + 10 * MINUTE, parameters={"command": ["new"]})
    await house.run_until(NOON + 4 * HOUR)
    assert [entry[:2] for entry in house.ledger()] == [(n * 20 * MINUTE, 1 + (n >= 8)) for n in range(1, 13)]


async def test_relative_times_count_from_the_instant_if_the_trigger_is_another(house: House) -> None:
    await house.create()
    await house.announce(trigger={"type": "FIXED_RATE", "every": "PT1H"})
    await house.run_until(NOON + 5 * HOUR)
    assert [entry[0] / HOUR for entry in house.ledger()] == [1, 2, 2.5, 3.5, 4.5]


async def test_a_later_announcement_replaces_the_former_and_a_withdrawn_one_never_was(house: House) -> None:
    await house.create()
    await house.announce(AT, trigger=cron("30 * * * *"))
    await house.announce(AT + HOUR, trigger=cron("45 * * * *"))
    assert [n - NOON for n in house.schedule.upcoming] == [HOUR, 2 * HOUR, 3 * HOUR]
    assert not house.job.definition.trigger.by_clock or house.schedule.changes_at == AT + HOUR
    await house.changes.withdraw(ANN, "backup")
    await house.changes.withdraw(ANN, "backup")
    assert len(house.schedule.upcoming) == 8
    await house.run_until(NOON + 4 * HOUR)
    assert [entry[:2] for entry in house.ledger()] == [(n * HOUR, 1) for n in range(1, 5)]


async def test_a_change_at_once_would_be_undone_and_is_refused(house: House) -> None:
    await house.create()
    await house.announce(trigger=cron("30 * * * *"))
    with pytest.raises(ChangeComing, match="2031-05-06T14:30"):
        await house.jobs.merge(ANN, "backup", {"description": "x"})
    with pytest.raises(ChangeComing):
        await house.jobs.merge(ANN, "backup", {"description": "x"}, Terms(rehearsal=Rehearsal()))
    assert house.job.coming is not None


@pytest.mark.parametrize("at", [NOON, NOON - SECOND, NOON + FURTHEST + SECOND])
async def test_an_instant_that_is_over_or_far_away_is_refused(house: House, at: datetime) -> None:
    await house.create()
    with pytest.raises(Invalid) as refused:
        await house.announce(at, trigger=cron("30 * * * *"))
    assert refused.value.problems[0].pointer == "/effectiveFrom"


async def test_a_trigger_that_could_not_fire_any_more_by_then_is_refused(house: House) -> None:
    await house.create()
    once = {"type": "ONE_TIME", "at": (AT - MINUTE).isoformat()}
    with pytest.raises(Invalid) as refused:
        await house.announce(trigger=once)
    assert refused.value.problems[0].pointer.startswith("/trigger")


async def test_it_takes_effect_while_the_job_rests_and_nothing_is_caught_up(house: House) -> None:
    await house.create()
    await house.announce(trigger=cron("30 * * * *"))
    await house.jobs.pause(ANN, "backup")
    assert house.schedule.changes_at == AT
    house.cluster.pass_time(AT + MINUTE - NOON)
    await house.planner.tick()
    assert (house.job.definition_version, house.job.status) == (2, JobStatus.PAUSED)
    await house.jobs.resume(ANN, "backup")
    await house.run_until(NOON + 4 * HOUR)
    assert [entry[0] / HOUR for entry in house.ledger() if entry[2] == "FIRED"] == [3.5]


async def test_with_a_job_that_is_deleted_its_change_goes(house: House) -> None:
    await house.create()
    await house.announce(trigger=cron("30 * * * *"))
    await house.jobs.delete(ANN, "backup")
    assert (house.job.coming, house.schedule.changes_at, house.schedule.due_at) == (None, None, None)
    assert await house.planner.tick() is None


async def test_a_change_that_cannot_be_made_is_set_aside_and_says_so(house: House) -> None:
    job_id = await house.create()
    await house.announce(trigger=cron("30 * * * *"))
    planner = Planner(house.cluster.store.begin, house.cluster.ids, CALENDARS, house.cluster.wake_up)
    house.cluster.pass_time(AT - NOON)
    assert await planner.tick() == SET_ASIDE
    error, _ = house.cluster.store.tables.aside[job_id]
    assert "announced" in error
    assert house.job.coming is not None


async def test_what_is_foreseen_is_what_comes(house: House) -> None:
    job_id = await house.create("*/40 * * * *", trigger=cron("*/40 * * * *") | {"jitter": "PT30M"})
    await house.announce(trigger=cron("15 * * * *") | {"window": "PT20M"})
    foreseen = (await house.cluster.forecast.of_job(ANN, job_id, 7)).fires
    await house.run_until(foreseen[-1].planned_at)
    entries = house.cluster.store.tables.occurrences.values()
    assert [(f.nominal_at, f.planned_at) for f in foreseen] == [(o.last_nominal, o.planned_at) for o in entries]
    assert max(o.planned_at for o in entries if o.job_version == 1) <= AT


async def test_a_dry_run_shows_the_fires_that_come_and_go(house: House) -> None:
    await house.create()
    rehearsal = Rehearsal()
    await house.announce(terms=Terms(rehearsal=rehearsal), trigger=cron("30 * * * *"))
    assert (house.job.coming, rehearsal.before is None) == (None, False)
    assert rehearsal.job is not None
    assert rehearsal.job.coming is not None
    assert rehearsal.schedule is not None
    assert rehearsal.before is not None
    after = replace(rehearsal.before, schedule=rehearsal.schedule, coming=rehearsal.job.coming)
    found = difference(rehearsal.before, after, CALENDARS, NOON, 1)
    assert (found.added[0], found.removed[0]) == (AT, NOON + 3 * HOUR)
    assert (found.added_count, found.removed_count, found.unchanged_count) == (22, 21, 2)
