"""Locks, semaphores and fences over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from bootstrap.container import Container
from domain.operations.lock import LockTerm
from tests.builders import MINUTE
from tests.integration.rest.api import Api

ANN = {"owner": "ann", "ttl": "PT1M"}


async def test_a_lock_is_acquired_seen_extended_and_released(api: Api) -> None:
    held = await api.post("/locks/deploy/acquire", ANN)
    assert (held["name"], held["owner"], held["permits"]) == ("deploy", "ann", 1)
    problem = await api.refusal("POST", "/locks/deploy/acquire", ANN | {"owner": "bob"})
    assert (problem["status"], problem["code"]) == (409, "LOCK_HELD")
    (listed,) = (await api.get("/locks"))["items"]
    assert listed == await api.get("/locks/deploy")
    assert (listed["free"], listed["holders"][0]["token"]) == (0, held["token"])
    longer = await api.post("/locks/deploy/extend", {"token": held["token"], "ttl": "5m"})
    assert longer["expiresAt"] > held["expiresAt"]
    release = {"token": held["token"]}
    assert await api.post("/locks/deploy/release", release) == {"name": "deploy", "released": True}
    assert await api.post("/locks/deploy/release", release) == {"name": "deploy", "released": False}
    assert (await api.refusal("POST", "/locks/deploy/extend", release | {"ttl": "1m"}))["code"] == "LOCK_LOST"
    assert (await api.refusal("GET", "/locks/deploy"))["code"] == "LOCK_NOT_FOUND"


async def test_a_lock_that_is_released_goes_to_who_waits_for_it(api: Api) -> None:
    held = await api.post("/locks/deploy/acquire", ANN)
    waiting = asyncio.create_task(api.post("/locks/deploy/acquire", ANN | {"owner": "bob", "wait": "PT30S"}))
    await asyncio.sleep(0.05)
    await api.post("/locks/deploy/release", {"token": held["token"]})
    assert (await waiting)["token"] > held["token"]


async def test_a_repeated_request_gets_the_hold_it_has(api: Api) -> None:
    asked = ANN | {"permits": 2, "requestId": str(uuid4())}
    first = await api.post("/locks/pool/acquire", asked)
    assert await api.post("/locks/pool/acquire", asked) == first
    assert (await api.get("/locks/pool"))["free"] == 1


async def test_a_resource_refuses_a_token_that_was_overtaken(api: Api) -> None:
    old = await api.post("/locks/a/acquire", ANN)
    new = await api.post("/locks/b/acquire", ANN)
    check = {"resource": "ledger", "token": new["token"]}
    assert await api.post("/fences/check", check) == check
    problem = await api.refusal("POST", "/fences/check", check | {"token": old["token"]})
    assert (problem["status"], problem["code"]) == (409, "STALE_TOKEN")
    problem = await api.refusal("POST", "/fences/check", check | {"token": new["token"] + 9})
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/token")


async def test_tokens_of_tasks_and_of_locks_can_be_compared(api: Api) -> None:
    before = await api.post("/locks/a/acquire", ANN)
    await api.create_job()
    await api.register()
    await api.post("/jobs/backup/trigger")
    (item,) = (await api.claim())["tasks"]
    after = await api.post("/locks/b/acquire", ANN)
    assert before["token"] < item["token"] < after["token"]
    await api.post("/fences/check", {"resource": "r", "token": item["token"]})


async def test_the_locks_of_upkeep_are_shown_with_their_nodes(api: Api, container: Container) -> None:
    assert await api.get("/cluster/locks") == {"items": [], "nextCursor": None}
    lock = await container.operation_locks().lock(LockTerm(name="retention", at_most=MINUTE))
    assert lock is not None
    (shown,) = (await api.get("/cluster/locks"))["items"]
    node = container.settings().node_id
    assert (shown["name"], shown["node"], shown["token"]) == ("retention", node, lock.token)


@pytest.mark.parametrize(
    ("path", "body", "status", "pointer"),
    [
        ("acquire", ANN | {"ttl": "soon"}, 422, "/ttl"),
        ("acquire", ANN | {"ttl": "PT0S"}, 422, "/ttl"),
        ("acquire", ANN | {"ttl": "P8D"}, 422, "/ttl"),
        ("acquire", ANN | {"wait": "PT61S"}, 422, "/wait"),
        ("acquire", ANN | {"owner": "a\x00"}, 422, "/owner"),
        ("acquire", ANN | {"owner": ""}, 400, "/owner"),
        ("acquire", ANN | {"permits": 0}, 400, "/permits"),
        ("acquire", ANN | {"permits": 1.5}, 400, "/permits"),
        ("acquire", {"owner": "a"}, 400, ""),
        ("acquire", ANN | {"lease": 1}, 400, "/lease"),
        ("extend", {"token": 0, "ttl": "1m"}, 400, "/token"),
        ("extend", {"token": 1, "ttl": "1 m"}, 422, "/ttl"),
        ("release", {"token": "7"}, 400, "/token"),
    ],
)
async def test_what_makes_no_sense_is_refused_where_it_stands(
    api: Api, path: str, body: dict[str, Any], status: int, pointer: str
) -> None:
    problem = await api.refusal("POST", f"/locks/deploy/{path}", body)
    assert (problem["status"], problem["errors"][0]["pointer"]) == (status, pointer)


async def test_a_name_that_is_too_long_is_refused(api: Api) -> None:
    problem = await api.refusal("POST", f"/locks/{'x' * 256}/acquire", ANN)
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/name")
