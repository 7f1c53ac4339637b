"""An HTTP task makes one request, and the status of the answer is its end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from scheduler_sdk.job_types.http import HttpRules
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer, FakeTask


class Site:
    """Answers with what it was asked; some of its paths misbehave."""

    def __init__(self) -> None:
        self.port = 0
        self.other = ""
        self.asked: list[str] = []

    def url(self, path: str = "/echo") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        match request.path:
            case "/echo":
                body = await request.text()
                said = {"method": request.method, "body": body, "headers": dict(request.headers)}
                return web.json_response(said, headers={"ETag": '"1"', "X-Secret": "s", "Set-Cookie": "a=b"})
            case "/large":
                return web.Response(text="x" * 100_000)
            case "/slow":
                await asyncio.sleep(600)
            case "/busy":
                return web.Response(status=503, text="come back later", headers={"Retry-After": "30"})
            case "/moved":
                return web.Response(status=302, headers={"Location": "/echo?a=1"})
            case "/away":
                return web.Response(status=307, headers={"Location": self.other})
            case "/circle":
                return web.Response(status=302, headers={"Location": "/circle"})
            case "/nothing":
                return web.Response(status=204)
            case "/broken":
                return web.Response(body=b"{", content_type="application/json")
        return web.Response(status=404, text="no such page")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", site.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.port = runner.addresses[0][1]
    yield site
    await runner.cleanup()


async def request(server: FakeServer, crew: Crew, rules: bool | HttpRules = True, **parameters: Any) -> FakeTask:
    allowed = HttpRules(allow_private=True) if rules is True else HttpRules()
    worker = await crew.start(crew.worker(http=allowed))
    task = await server.add("HTTP", parameters=parameters)
    await server.ended(task)
    await crew.end(worker)
    return task


async def test_a_get_returns_status_some_headers_and_the_decoded_body(
    server: FakeServer, crew: Crew, site: Site
) -> None:
    task = await request(server, crew, url=site.url(), headers={"X-Reason": "nightly"})
    assert (task.status, task.result["status"], task.result["truncated"]) == ("COMPLETED", 200, False)
    assert set(task.result["headers"]) == {"content-type", "content-length", "etag"}
    assert task.result["body"]["method"] == "GET"
    assert task.result["body"]["headers"]["X-Reason"] == "nightly"
    assert server.bodies("register")[0]["types"] == ["HTTP"]


@pytest.mark.parametrize(
    ("body", "headers", "sent", "media"),
    [
        ({"a": [1]}, {}, '{"a":[1]}', "application/json"),
        ("plain ü", {}, "plain ü", "text/plain; charset=utf-8"),
        ({"a": 1}, {"content-type": "application/cloudevents+json"}, '{"a":1}', "application/cloudevents+json"),
    ],
)
async def test_a_body_is_sent_as_json_or_as_it_is(
    server: FakeServer, crew: Crew, site: Site, body: Any, headers: dict[str, str], sent: str, media: str
) -> None:
    task = await request(server, crew, url=site.url(), method="POST", body=body, headers=headers)
    echo = task.result["body"]
    assert (echo["method"], echo["body"]) == ("POST", sent)
    assert {name.lower(): value for name, value in echo["headers"].items()}["content-type"] == media


async def test_a_status_that_was_not_expected_fails_the_task_under_a_code_of_its_own(
    server: FakeServer, crew: Crew, site: Site
) -> None:
    task = await request(server, crew, url=site.url("/busy"))
    assert (task.error["code"], task.retryable, task.reports[-1]["retryAfter"]) == ("HTTP_503", True, "PT30S")
    told = "GET was answered 503 (Service Unavailable), expected 2xx: come back later"
    assert task.error["message"] == told


async def test_what_is_expected_can_be_said(server: FakeServer, crew: Crew, site: Site) -> None:
    found = await request(server, crew, url=site.url("/missing"), expectedStatus=[404])
    assert (found.result["status"], found.result["body"]) == (404, "no such page")
    not_found = await request(server, crew, url=site.url(), expectedStatus=[201, 202])
    assert not_found.error["code"] == "HTTP_200"


async def test_an_answer_is_kept_in_part_and_may_be_empty_or_no_json(
    server: FakeServer, crew: Crew, site: Site
) -> None:
    large = await request(server, crew, url=site.url("/large"))
    assert (len(large.result["body"]), large.result["truncated"]) == (65536, True)
    assert (await request(server, crew, url=site.url("/nothing"))).result["body"] is None
    assert (await request(server, crew, url=site.url("/broken"))).result["body"] == "{"


async def test_an_answer_that_does_not_come_is_given_up(server: FakeServer, crew: Crew, site: Site) -> None:
    task = await request(server, crew, url=site.url("/slow"), timeoutSeconds=0.1)
    assert (task.error["code"], task.error["message"]) == ("HTTP_TIMEOUT", "no answer from 127.0.0.1 within 0.1 s")


async def test_a_redirect_is_followed_on_the_same_host(server: FakeServer, crew: Crew, site: Site) -> None:
    task = await request(server, crew, url=site.url("/moved"), method="POST", body="x")
    assert (task.result["body"]["method"], site.asked) == ("GET", ["/moved", "/echo"])
    kept = await request(server, crew, url=site.url("/moved"), redirects="NONE", expectedStatus=[302])
    assert (kept.result["status"], kept.result["headers"]["location"]) == (302, "/echo?a=1")
    endless = await request(server, crew, url=site.url("/circle"))
    assert endless.error["code"] == "HTTP_TOO_MANY_REDIRECTS"


async def test_a_redirect_to_another_host_needs_leave_and_takes_no_secrets_along(
    server: FakeServer, crew: Crew, site: Site
) -> None:
    site.other = f"http://localhost:{site.port}/echo"
    secret = {"Authorization": "Bearer s", "X-Harmless": "h"}
    refused = await request(server, crew, url=site.url("/away"), headers=secret)
    assert (refused.error["code"], refused.retryable) == ("HTTP_REDIRECT_FORBIDDEN", False)
    allowed = await request(server, crew, url=site.url("/away"), headers=secret, redirects="ANY", method="POST")
    headers = allowed.result["body"]["headers"]
    assert (headers["X-Harmless"], "Authorization" in headers) == ("h", False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_private_addresses_are_not_called_by_default(
    server: FakeServer, crew: Crew, site: Site, host: str
) -> None:
    task = await request(server, crew, False, url=f"http://{host}:{site.port}/echo")
    assert (task.error["code"], task.retryable, site.asked) == ("HTTP_ADDRESS_FORBIDDEN", False, [])


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"url": "ftp://example.com/"}, "INVALID_PARAMETERS"),
        ({"url": "nowhere"}, "INVALID_PARAMETERS"),
        ({"url": "http://["}, "INVALID_PARAMETERS"),
        ({"url": "http://127.0.0.1:1/", "headers": {"a": "b\r\nc: d"}}, "INVALID_PARAMETERS"),
        ({"url": "http://127.0.0.1:1/", "verb": "GET"}, "INVALID_PARAMETERS"),
        ({"method": "GET"}, "INVALID_PARAMETERS"),
        ({"url": "http://127.0.0.1:1/"}, "HTTP_CONNECTION_FAILED"),
        ({"url": "https://127.0.0.1:1/"}, "HTTP_CONNECTION_FAILED"),
    ],
)
async def test_what_cannot_be_asked_fails_with_a_code(
    server: FakeServer, crew: Crew, parameters: dict[str, Any], code: str
) -> None:
    task = await request(server, crew, **parameters)
    assert (task.error["code"], task.retryable) == (code, code != "INVALID_PARAMETERS")
    assert json.dumps(task.error)
