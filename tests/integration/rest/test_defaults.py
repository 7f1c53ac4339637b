"""What the settings say where a job or an executor says nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from dependency_injector import providers

from application.scheduling.job_mapping import JobDefaults
from bootstrap.container import Container
from bootstrap.settings import Settings
from domain.scheduling.executor import Liveness
from domain.scheduling.retry import RetryPolicy, RetryStrategy
from infrastructure.time_zones import pin_time_zones
from tests.integration.rest.api import Api


@pytest.fixture
async def container(store_url: str) -> AsyncIterator[Container]:
    pin_time_zones()
    settings = Settings(
        database_url=store_url,
        slots=7,
        liveness=Liveness(interval=timedelta(seconds=2), timeout=timedelta(seconds=6)),
        job_defaults=JobDefaults(
            retry=RetryPolicy(max_attempts=9, delay=timedelta(seconds=5), strategy=RetryStrategy.LINEAR_BACKOFF)
        ),
    )
    container = Container(settings=providers.Object(settings))
    yield container
    await container.store().dispose()


async def test_a_job_that_says_nothing_of_retries_gets_those_of_the_settings(api: Api) -> None:
    quiet = await api.create_job()
    assert quiet["retry"].items() >= {"maxAttempts": 9, "delay": "PT5S", "strategy": "LINEAR_BACKOFF"}.items()
    partly = await api.create_job("partly", retry={"maxAttempts": 2})
    assert partly["retry"].items() >= {"maxAttempts": 2, "delay": "PT5S"}.items()


async def test_an_executor_that_says_nothing_of_its_size_gets_that_of_the_settings(api: Api) -> None:
    session = await api.register()
    assert (session["heartbeatIntervalSeconds"], session["heartbeatTimeoutSeconds"]) == (2, 6)
    assert (await api.get("/cluster/executors/worker-1"))["maxConcurrentTasks"] == 7
    await api.register("worker-2", maxConcurrentTasks=3)
    assert (await api.get("/cluster/executors/worker-2"))["maxConcurrentTasks"] == 3
