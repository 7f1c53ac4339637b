"""What is counted is what Prometheus reads, and costs nothing worth counting."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from application.scheduling.figures import Figures, FiguresReader, PoolFigures
from application.shared.errors import StoreUnavailable
from domain.scheduling.ids import JobId, OccurrenceId, TaskId
from domain.scheduling.occurrence import Decision, Occurrence
from domain.scheduling.task import Origin
from domain.scheduling.task_status import TaskStatus
from infrastructure.histogram import Histogram
from infrastructure.telemetry import FIGURES_SECONDS, Telemetry
from tests.builders import NOON

FACTS = {"version": "1.2.3", "node": "n", "database": "sqlite"}


class Store(FiguresReader):
    """Says how often it was asked; may be away."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False

    async def figures(self) -> Figures:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable("it is away")
        pool = PoolFigures(pool="gpu", slots=8, slots_used=3, oldest_wait_seconds=1.5)
        return Figures(active_jobs=7, online_executors=2, pools=[pool])


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def telemetry(store: Store) -> Telemetry:
    return Telemetry(store, FACTS)


async def samples(telemetry: Telemetry) -> dict[str, float]:
    """By name and the values of the labels."""
    text = (await telemetry.exposition()).decode()
    return {
        "/".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def occurrence(decision: Decision, count: int = 1, late: float = 0.0) -> Occurrence:
    planned = NOON - timedelta(seconds=late)
    return Occurrence(
        id=OccurrenceId(uuid4()),
        job_id=JobId(uuid4()),
        fire_key="k",
        decision=decision,
        first_nominal=planned,
        last_nominal=planned,
        planned_at=planned,
        count=count,
        reason=None,
        task_id=TaskId(uuid4()) if decision is Decision.FIRED else None,
        job_version=1,
    )


async def test_everything_is_zero_before_anything_happens(telemetry: Telemetry) -> None:
    found = await samples(telemetry)
    for name in ("scheduled", "completed", "failed"):
        assert found[f"scheduler_tasks_{name}_count"] == 0
    assert all(found[f"scheduler_fires_total/{decision}"] == 0 for decision in Decision)
    assert found["scheduler_settlements_total/COMPLETED"] == 0
    assert found["scheduler_queue_wait_seconds_count"] == 0


async def test_decisions_are_counted_by_fire_and_the_lag_of_those_that_fired(telemetry: Telemetry) -> None:
    telemetry.decided(
        [occurrence(Decision.FIRED, late=0.2), occurrence(Decision.FIRED, late=40), occurrence(Decision.COALESCED, 9)],
        NOON,
    )
    found = await samples(telemetry)
    assert found["scheduler_fires_total/FIRED"] == 2
    assert found["scheduler_fires_total/COALESCED"] == 9
    assert found["scheduler_schedule_lag_seconds_count"] == 2
    assert found["scheduler_schedule_lag_seconds_sum"] == pytest.approx(40.2)
    assert found["scheduler_schedule_lag_seconds_bucket/0.25"] == 1


async def test_tasks_are_counted_from_their_making_to_their_end(telemetry: Telemetry) -> None:
    telemetry.created(Origin.SCHEDULE, 3)
    telemetry.created(Origin.MANUAL, 1)
    status = TaskStatus
    telemetry.settled([status.COMPLETED, status.COMPLETED, status.FAILED, status.TIMEOUT, status.WAITING_RETRY])
    found = await samples(telemetry)
    assert found["scheduler_tasks_created_total/SCHEDULE"] == 3
    assert found["scheduler_tasks_scheduled_count"] == 4
    assert found["scheduler_tasks_completed_count"] == 2
    assert found["scheduler_tasks_failed_count"] == 2
    assert found["scheduler_settlements_total/WAITING_RETRY"] == 1


async def test_waits_runs_and_requests_are_told_by_their_length(telemetry: Telemetry) -> None:
    telemetry.waited([0.004, 0.3, 7200.0])
    telemetry.ran([2.0])
    telemetry.answered("GET", "/jobs/{job}", 200, 0.02)
    telemetry.answered("GET", "/jobs/{job}", 200, 0.2)
    found = await samples(telemetry)
    assert found["scheduler_queue_wait_seconds_bucket/0.005"] == 1
    assert found["scheduler_queue_wait_seconds_bucket/3600.0"] == 2
    assert found["scheduler_queue_wait_seconds_bucket/+Inf"] == 3
    assert found["scheduler_task_duration_seconds_sum"] == 2
    assert found["scheduler_http_request_duration_seconds_count/GET//jobs/{job}/200"] == 2


async def test_the_store_is_asked_once_however_many_scrape(
    telemetry: Telemetry, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await asyncio.gather(samples(telemetry), samples(telemetry))
    assert first["scheduler_jobs_active_count"] == second["scheduler_jobs_active_count"] == 7
    assert first["scheduler_executor_slots/gpu"] == 8
    assert first["scheduler_executor_slots_used/gpu"] == 3
    assert first["scheduler_oldest_pending_age_seconds/gpu"] == 1.5
    assert store.asked == 1
    monkeypatch.setattr(telemetry, "_figures_at", -FIGURES_SECONDS)
    await samples(telemetry)
    assert store.asked == 2


async def test_while_the_store_is_away_its_figures_are_missing_and_not_stale(
    telemetry: Telemetry, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await samples(telemetry)
    store.away = True
    monkeypatch.setattr(telemetry, "_figures_at", -FIGURES_SECONDS)
    found = await samples(telemetry)
    assert "scheduler_jobs_active_count" not in found
    assert found["scheduler_tasks_scheduled_count"] == 0


async def test_the_event_loop_is_watched_until_the_end(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infrastructure.telemetry.LAG_EVERY_SECONDS", 0.001)
    telemetry.watch_loop()
    while (await samples(telemetry))["scheduler_event_loop_lag_seconds_count"] < 3:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    telemetry.close()
    count = (await samples(telemetry))["scheduler_event_loop_lag_seconds_count"]
    await asyncio.sleep(0.01)
    assert (await samples(telemetry))["scheduler_event_loop_lag_seconds_count"] == count


async def test_two_in_one_process_do_not_disturb_each_other(telemetry: Telemetry, store: Store) -> None:
    other = Telemetry(store, FACTS)
    other.created(Origin.DIRECT, 1)
    assert (await samples(telemetry))["scheduler_tasks_scheduled_count"] == 0


def test_a_value_on_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram((1.0, 2.0))
    histogram.observe([0.5, 1.0, 2.0, 2.1])
    assert histogram.buckets == [("1.0", 2), ("2.0", 3), ("+Inf", 4)]
    assert histogram.total == pytest.approx(5.6)
