"""The REST API over the real services and a real store, without the loops: nothing happens that a test does not do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from dependency_injector import providers

from bootstrap.container import Container
from bootstrap.settings import Settings
from infrastructure.time_zones import pin_time_zones
from interfaces.rest.app import create_app
from tests.integration.rest.api import Api, client_of


@pytest.fixture
async def container(store_url: str) -> AsyncIterator[Container]:
    """Everything built, nothing started; a test that takes it runs on both stores."""
    pin_time_zones()
    container = Container(settings=providers.Object(Settings(database_url=store_url)))
    yield container
    await container.store().dispose()


@pytest.fixture
async def api(container: Container) -> AsyncIterator[Api]:
    """A client of the whole application, in this process."""
    async with client_of(create_app(container.services())) as client:
        yield Api(client)
