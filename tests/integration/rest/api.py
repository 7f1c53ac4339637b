"""Calls of the REST API as tests make them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
from litestar import Litestar

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
"""An identity that nothing has."""

COMMAND = {"command": ["true"]}


def client_of(app: Litestar, address: str = "http://localhost:8080") -> httpx.AsyncClient:
    """A client that calls the application in this process, as if it stood at `address`."""
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar says more exactly what it takes
    return httpx.AsyncClient(transport=transport, base_url=address)


class Api:
    """Paths are below /api/v1, answers are decoded."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.http = client

    async def call(self, method: str, path: str, body: object = None, **options: Any) -> httpx.Response:
        """Whatever the status is."""
        if body is not None:
            options["json"] = body
        return await self.http.request(method, f"/api/v1{path}", **options)

    async def get(self, path: str, **query: Any) -> Any:
        """What a successful GET answers."""
        return _good(await self.call("GET", path, params=query))

    async def post(self, path: str, body: object = None) -> Any:
        """What a successful POST answers."""
        return _good(await self.call("POST", path, body))

    async def refusal(self, method: str, path: str, body: object = None, **options: Any) -> dict[str, Any]:
        """The problem of a call that must be refused; its shape is checked here once for all."""
        answer = await self.call(method, path, body, **options)
        assert answer.status_code >= 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["type"] == f"/docs/problems#{problem['code']}"
        assert problem["requestId"] == answer.headers["x-request-id"]
        assert problem["message"] == problem["detail"]
        assert problem["success"] is False
        assert problem["title"]
        return problem

    async def create_job(self, name: str = "backup", **more: Any) -> Any:
        """An active COMMAND job that runs by hand only, unless told otherwise."""
        return await self.post("/jobs", {"name": name, "type": "COMMAND", "parameters": COMMAND, "active": True} | more)

    async def register(self, executor_id: str | None = "worker-1", **more: Any) -> Any:
        """The session of an executor of COMMAND jobs."""
        body = {
            "executorId": executor_id,
            "instanceId": str(uuid4()),
            "host": "h",
            "version": "1",
            "types": ["COMMAND"],
        }
        return await self.post("/cluster/executors", body | more)

    async def claim(self, epoch: int = 1, most: int = 10, executor: str = "worker-1", **more: Any) -> Any:
        """The answer to a claim that does not wait."""
        body = {"epoch": epoch, "claimId": str(uuid4()), "max": most, "wait": "PT0S", "started": True}
        return await self.post(f"/cluster/executors/{executor}/claim", body | more)

    async def report(self, *reports: object, epoch: int = 1, executor: str = "worker-1") -> Any:
        """The outcomes of some reports."""
        answer = await self.post(f"/cluster/executors/{executor}/reports", {"epoch": epoch, "reports": reports})
        return answer["outcomes"]


def _good(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.status_code} {answer.text}"
    return answer.json()
