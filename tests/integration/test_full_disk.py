"""A full disk is told with what to do, refuses whole requests, loses nothing, and is over when there is room again."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Protocol

import asyncpg
import pytest
from dependency_injector import providers

from bootstrap.container import Container
from bootstrap.running import running
from bootstrap.settings import Settings
from infrastructure.sql import refusals
from infrastructure.sql.migrations import upgrade
from interfaces.rest.app import create_app
from tests.integration.rest.api import Api, client_of
from tests.own_servers import OwnPostgres, own_postgres
from tests.services import Unavailable

SIZE = 48 << 20
"""Bytes that hold the schema and a little more."""

NO_LIMIT = 1 << 30
PATIENCE_SECONDS = 30
LARGE = {"command": ["true"], "environment": {"A": Random(1).randbytes(25_000).hex()}}

EACH_SECOND: dict[str, Any] = {
    "trigger": {"type": "CRON", "expression": "* * * * * *"},
    "misfire": {"policy": "FIRE_ALL"},
    "overlap": "ALLOW",
}


class Disk(Protocol):
    """What the store of `url` lies on."""

    url: str

    @abstractmethod
    async def fill(self, container: Container) -> None: ...

    @abstractmethod
    async def free(self, container: Container) -> None: ...


class SqliteDisk(Disk):
    """SQLite says the same of a file that may not grow as of one that cannot."""

    def __init__(self, room: Path) -> None:
        self.url = f"sqlite:///{room}/jobs.sqlite"

    async def fill(self, container: Container) -> None:
        await self._bound(container, 1)  # it is never less than there are

    async def free(self, container: Container) -> None:
        await self._bound(container, NO_LIMIT)

    async def _bound(self, container: Container, pages: int) -> None:
        async with container.store().engine.connect() as connection:
            await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


class PostgresDisk(Disk):
    """A tablespace on a small disk, filled by a table."""

    def __init__(self, own: OwnPostgres) -> None:
        self.own, self.url = own, own.url

    async def set_up(self) -> None:
        connection = await asyncpg.connect(self.own.address)
        await connection.execute(f"CREATE TABLESPACE small LOCATION '{self.own.room}/disk'")
        await connection.execute("ALTER DATABASE postgres SET default_tablespace = small")
        await connection.close()

    async def fill(self, container: Container) -> None:
        connection = await asyncpg.connect(self.own.address)
        await connection.execute("CREATE TABLE ballast (lies text)")
        await connection.execute("ALTER TABLE ballast ALTER COLUMN lies SET STORAGE PLAIN")
        rows = 4096
        while rows:
            try:
                await connection.execute(
                    f"INSERT INTO ballast SELECT repeat('x', 7000) FROM generate_series(1, {rows})"
                )
            except asyncpg.DiskFullError:
                rows //= 2
        await connection.close()

    async def free(self, container: Container) -> None:
        connection = await asyncpg.connect(self.own.address)
        await connection.execute("DROP TABLE ballast")
        await connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def disk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Disk]:
    if request.param == "sqlite":
        yield SqliteDisk(tmp_path)
        return
    try:
        with own_postgres(SIZE) as own:
            found = PostgresDisk(own)
            await found.set_up()
            yield found
    except Unavailable as missing:
        pytest.skip(str(missing))


async def ledger_beyond(api: Api, job: str, time: datetime) -> list[tuple[datetime, datetime, str]]:
    """Entries from the oldest to the newest, once there is one of a later time."""
    for _ in range(PATIENCE_SECONDS * 10):
        items = (await api.get(f"/jobs/{job}/occurrences", limit=200))["items"]
        entries = [(item["firstNominalAt"], item["lastNominalAt"], item["decision"]) for item in items]
        found = sorted((datetime.fromisoformat(a), datetime.fromisoformat(b), said) for a, b, said in entries)
        if found and found[-1][1] > time:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"{job} did not fire again after {time}")


@pytest.mark.slow
async def test_a_full_disk_refuses_whole_requests_and_everything_goes_on_when_there_is_room(
    disk: Disk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(upgrade, disk.url)
    container = Container(settings=providers.Object(Settings(database_url=disk.url)))
    async with running(container, migrate=False), client_of(create_app(container.services())) as http:
        api = Api(http)
        await api.create_job("asked")
        await api.create_job("each-second", **EACH_SECOND)
        asked = {"jobId": "asked", "parameters": LARGE}
        known = [(await api.post("/tasks", asked))["id"]]

        await disk.fill(container)
        while (answer := await api.call("POST", "/tasks", asked)).status_code == 201:
            known.append(answer.json()["id"])
        assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
        ready = await http.get("/actuator/health/readiness")
        assert (ready.status_code, ready.json()["components"]["db"]["status"]) == (503, "OUT_OF_SERVICE")
        assert (await http.get("/actuator/health/liveness")).status_code == 200
        assert "disk" in caplog.text
        assert "Free space" in caplog.text
        await asyncio.sleep(2)  # fires come due meanwhile

        await disk.free(container)
        freed = datetime.now(UTC)
        known.append((await api.post("/tasks", asked))["id"])
        monkeypatch.setattr(refusals, "SPELL", timedelta(0))
        assert (await http.get("/actuator/health/readiness")).status_code == 200
        tasks = (await api.get("/tasks", jobId="asked", limit=200))["items"]
        assert sorted(task["id"] for task in tasks) == sorted(known)

        entries = await ledger_beyond(api, "each-second", freed)
        assert {said for _, _, said in entries} == {"FIRED"}
        assert {later[0] - earlier[1] for earlier, later in pairwise(entries)} == {timedelta(seconds=1)}
