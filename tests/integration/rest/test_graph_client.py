"""The client's calls about dependencies and runs, answered by the real application."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from bootstrap.container import Container
from bootstrap.serving import listen, serving
from interfaces.rest.app import create_app
from scheduler_sdk.async_client import AsyncClient
from scheduler_sdk.client_errors import ApiError
from tests.integration.rest.api import Api
from tests.integration.rest.test_dependencies_api import document

SOON = 30.0


@pytest.fixture
async def address(container: Container) -> AsyncIterator[str]:
    async with serving(create_app(container.services()), listen("127.0.0.1", 0)) as address:
        yield address


async def test_the_graph_is_asked_and_a_run_is_ended(address: str) -> None:
    async with httpx.AsyncClient(base_url=address, timeout=SOON) as http, AsyncClient(address) as client:
        api = Api(http)
        root = await api.post("/jobs", document("a") | {"active": True})
        for name, *upstreams in (("b", "a"), ("c", "b")):
            await api.post("/jobs", document(name, *upstreams) | {"active": True})
        graph = await client.graph()
        assert ([job["name"] for job in graph["jobs"]], len(graph["edges"])) == (["a", "b", "c"], 2)
        assert [job["name"] for job in (await client.graph(job="b"))["jobs"]] == ["a", "b", "c"]
        assert [edge["name"] for edge in (await client.dependencies("c"))["items"]] == ["b"]
        assert [(job["name"], job["distance"]) for job in await client.dependents("a")] == [("b", 1), ("c", 2)]
        assert [job["name"] for job in await client.ancestors("c")] == ["b", "a"]
        assert [[job["name"] for job in level] for level in (await client.plan("a"))["levels"]] == [["a"], ["b"], ["c"]]
        task = await client.trigger("a")
        (summary,) = [run async for run in client.runs(job="a")]
        assert (summary["runId"], summary["jobId"], summary["state"]) == (task["id"], root["id"], "RUNNING")
        assert [found["taskId"] for found in (await client.get_run(task["id"]))["tasks"]] == [task["id"]]
        ended = await client.cancel_run(task["id"], reason="wrong input")
        assert (ended["cancelled"], ended["tasks"][0]["status"]) == ("wrong input", "CANCELLED")
        with pytest.raises(ApiError, match="run"):
            await client.get_run("nothing")
