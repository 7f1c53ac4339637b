"""A request with an Idempotency-Key takes effect once, however often it is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from bootstrap.container import Container
from infrastructure.sql.repeat_tables import repeats
from interfaces.rest.app import create_app
from scheduler_sdk.async_client import AsyncClient
from tests.integration.rest.api import COMMAND, Api

KEY = {"Idempotency-Key": "order-4711"}


async def tasks(api: Api) -> int:
    return len((await api.get("/tasks"))["items"])


async def test_a_repeated_trigger_runs_the_job_once_and_is_answered_alike(api: Api) -> None:
    await api.create_job(overlap="ALLOW")
    first = await api.call("POST", "/jobs/backup/trigger", headers=KEY)
    again = await api.call("POST", "/jobs/backup/trigger", headers=KEY)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert await tasks(api) == 1
    await api.call("POST", "/jobs/backup/trigger")
    assert await tasks(api) == 2


async def test_requests_at_the_same_moment_take_effect_once(api: Api) -> None:
    await api.create_job(overlap="ALLOW")
    calls = (api.call("POST", "/tasks", {"jobId": "backup"}, headers=KEY) for _ in range(6))
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert await tasks(api) == 1


@pytest.mark.parametrize(
    ("path", "body"), [("/tasks", {"jobId": "backup", "parameters": {}}), ("/tasks", {"jobId": "other"})]
)
async def test_another_request_with_the_key_is_refused(api: Api, path: str, body: object) -> None:
    await api.create_job()
    await api.call("POST", "/tasks", {"jobId": "backup"}, headers=KEY)
    problem = await api.refusal("POST", path, body, headers=KEY)
    assert (problem["status"], problem["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_refused_request_can_be_mended_under_its_key(api: Api) -> None:
    problem = await api.refusal("POST", "/jobs", {"name": "A B", "type": "COMMAND"}, headers=KEY)
    assert problem["status"] == 422
    job = {"name": "a-b", "type": "COMMAND", "parameters": {"command": ["true"]}}
    answer = await api.call("POST", "/jobs", job, headers=KEY)
    assert (answer.status_code, "idempotency-replayed" in answer.headers) == (201, False)
    assert (await api.call("POST", "/jobs", job, headers=KEY)).headers["etag"] == answer.headers["etag"]


async def test_what_was_cut_off_is_not_done_again(api: Api, container: Container) -> None:
    await api.create_job()
    await api.call("POST", "/tasks", {"jobId": "backup"}, headers=KEY)
    async with container.store().engine.begin() as connection:
        await connection.execute(sa.update(repeats).values(status=None))
    problem = await api.refusal("POST", "/tasks", {"jobId": "backup"}, headers=KEY)
    assert (problem["status"], problem["code"], problem["retryable"]) == (409, "IDEMPOTENCY_IN_FLIGHT", True)
    assert await tasks(api) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    problem = await api.refusal("POST", "/tasks", {"jobId": "backup"}, headers={"Idempotency-Key": key})
    assert (problem["status"], problem["errors"][0]["parameter"]) == (400, "Idempotency-Key")


async def test_the_client_names_its_calls(container: Container) -> None:
    transport = httpx.ASGITransport(create_app(container.services()))  # type: ignore[arg-type]
    async with AsyncClient("http://localhost:8080", transport=transport) as client:
        document: Any = {"name": "backup", "type": "COMMAND", "parameters": COMMAND, "active": True, "overlap": "ALLOW"}
        created = [await client.create_job(document, idempotency_key="a") for _ in range(2)]
        assert created[0] == created[1]
        runs = [await client.trigger("backup", idempotency_key="b") for _ in range(2)]
        runs += [await client.submit("backup", idempotency_key="c") for _ in range(2)]
        runs += [await client.rerun(runs[0]["id"], idempotency_key="d") for _ in range(2)]
        assert [run["id"] for run in runs[::2]] == [run["id"] for run in runs[1::2]]
        assert len({run["id"] for run in runs}) == 3
