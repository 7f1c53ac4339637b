"""When jobs will fire, and when a trigger would."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from application.scheduling.forecast import NOBODY
from application.scheduling.planner import Planner
from application.scheduling.trigger_document import TriggerDocument
from domain.shared.errors import Invalid
from domain.timing.spread import planned_at
from tests.builders import CALENDARS, HOUR, MINUTE, NOON, SECOND, every
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command, hourly
from tests.unit.application.fakes import ANN

HOURLY = every(HOUR, 30, NOON + HOUR)


def document(**fields: Any) -> TriggerDocument:
    read: TriggerDocument = msgspec.json.decode(msgspec.json.encode(fields), type=TriggerDocument)
    return read


def previewed(cluster: Cluster, after: datetime | None = NOON, count: int = 3, **trigger: Any) -> list[datetime]:
    return [fire.nominal_at for fire in cluster.forecast.of_trigger(document(**trigger), after, count).fires]


async def test_the_next_fires_are_told_with_their_jitter(cluster: Cluster) -> None:
    trigger = {"type": "CRON", "expression": "@hourly", "jitter": "30m"}
    job_id = await cluster.jobs.create(ANN, hourly(trigger=trigger))
    fires = (await cluster.forecast.of_job(ANN, job_id, 3)).fires
    assert [f.nominal_at for f in fires] == list(HOURLY[:3])
    assert [f.planned_at for f in fires] == [planned_at(job_id, n, 30 * MINUTE, n + HOUR) for n in HOURLY[:3]]
    assert fires[0].planned_at == cluster.store.tables.schedules[job_id].due_at


async def test_the_next_fires_end_with_the_limit_and_the_last_has_the_jitter_it_will_have(cluster: Cluster) -> None:
    trigger = {"type": "CRON", "expression": "@hourly", "jitter": "3h", "maxExecutions": 1}
    job_id = await cluster.jobs.create(ANN, hourly(trigger=trigger))
    (last,) = (await cluster.forecast.of_job(ANN, job_id, 5)).fires
    assert last.planned_at == cluster.store.tables.schedules[job_id].due_at
    assert last.planned_at <= NOON + 2 * HOUR


async def test_a_job_without_a_trigger_has_no_next_fires(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, command(active=True))
    assert list((await cluster.forecast.of_job(ANN, job_id, 5)).fires) == []


async def test_the_next_fires_of_a_job_that_rests_are_those_it_would_have(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, hourly(active=False))
    cluster.pass_time(HOUR + SECOND)
    (fire,) = (await cluster.forecast.of_job(ANN, job_id, 1)).fires
    assert fire.nominal_at - cluster.store.now == timedelta(minutes=59, seconds=59)


async def test_a_job_that_was_never_activated_would_count_from_now(cluster: Cluster) -> None:
    job_id = await cluster.jobs.create(ANN, command(trigger={"type": "FIXED_RATE", "every": "1h"}))
    cluster.pass_time(7 * MINUTE)
    fires = (await cluster.forecast.of_job(ANN, job_id, 2)).fires
    assert [f.nominal_at for f in fires] == [NOON + 7 * MINUTE, NOON + 67 * MINUTE]
    await cluster.jobs.activate(ANN, job_id)
    assert cluster.store.tables.schedules[job_id].due_at == fires[0].planned_at


async def test_while_a_run_is_awaited_the_next_fire_is_as_if_it_ended_now(cluster: Cluster) -> None:
    trigger = {"type": "FIXED_DELAY", "delay": "PT10M"}
    job_id = await cluster.jobs.create(ANN, command(active=True, trigger=trigger))
    await Planner(cluster.store.begin, cluster.ids, CALENDARS, cluster.wake_up).tick()
    cluster.pass_time(MINUTE)
    fires = (await cluster.forecast.of_job(ANN, job_id, 2)).fires
    assert [f.nominal_at for f in fires] == [NOON + 11 * MINUTE, NOON + 21 * MINUTE]


async def test_the_jitter_of_a_fixed_delay_is_as_the_schedule_has_it(cluster: Cluster) -> None:
    trigger = {"type": "FIXED_DELAY", "delay": "PT1S", "initialDelay": "PT1M", "jitter": "PT1H"}
    job_id = await cluster.jobs.create(ANN, command(active=True, trigger=trigger))
    (fire,) = (await cluster.forecast.of_job(ANN, job_id, 1)).fires
    assert fire.planned_at == cluster.store.tables.schedules[job_id].due_at


@pytest.mark.parametrize(
    ("trigger", "times"),
    [
        ({"type": "CRON", "expression": "@hourly"}, [NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR]),
        ({"type": "FIXED_RATE", "every": "1h"}, [NOON, NOON + HOUR, NOON + 2 * HOUR]),
        ({"type": "FIXED_RATE", "every": "1h", "initialDelay": "1m", "maxExecutions": 1}, [NOON + MINUTE]),
        ({"type": "FIXED_DELAY", "delay": "1h"}, [NOON, NOON + HOUR, NOON + 2 * HOUR]),
        ({"type": "ONE_TIME", "at": "2031-05-06T12:30:00Z"}, [NOON + HOUR / 2]),
        ({"type": "ONE_TIME", "at": "2031-05-06T11:30:00Z"}, []),
        ({"type": "EVENT", "eventType": "a"}, []),
        ({"type": "MANUAL"}, []),
        (
            {
                "type": "ANY_OF",
                "triggers": [
                    {"type": "CRON", "expression": "@hourly"},
                    {"type": "ONE_TIME", "at": "2031-05-06T13:00:00Z"},
                    {"type": "ONE_TIME", "at": "2031-05-06T13:30:00Z"},
                ],
            },
            [NOON + HOUR, NOON + 1.5 * HOUR, NOON + 2 * HOUR],
        ),
    ],
)
def test_a_preview_tells_when_a_trigger_would_fire(
    cluster: Cluster, trigger: dict[str, Any], times: list[datetime]
) -> None:
    assert previewed(cluster, **trigger) == times


def test_a_preview_begins_now_unless_told_otherwise(cluster: Cluster) -> None:
    assert previewed(cluster, after=None, count=1, type="CRON", expression="@hourly") == [NOON + HOUR]


def test_a_preview_has_an_example_of_the_jitter(cluster: Cluster) -> None:
    (fire,) = cluster.forecast.of_trigger(document(type="CRON", expression="@hourly", jitter="9m"), NOON, 1).fires
    assert fire.planned_at == planned_at(NOBODY, NOON + HOUR, 9 * MINUTE, NOON + 2 * HOUR)


def test_what_makes_no_trigger_is_pointed_at(cluster: Cluster) -> None:
    with pytest.raises(Invalid) as refused:
        previewed(cluster, type="FIXED_RATE", every="0s")
    assert [p.pointer for p in refused.value.problems] == ["/trigger/every"]
