"""What the API makes of requests that are wrong in form, whatever they are about."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from dependency_injector import providers

from bootstrap.container import Container
from bootstrap.settings import Settings
from infrastructure.time_zones import pin_time_zones
from interfaces.rest.app import create_app
from tests.integration.rest.api import Api, client_of

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    """Nothing here depends on the store."""
    return sqlite_url


@pytest.mark.parametrize(
    ("text", "offset"),
    [(b'{"name": "a",', 13), (b'{"name" "a"}', 8), (b"", None), (b'{"name": "\xff"}', 10), (b"[" * 5000, 0)],
)
async def test_a_body_that_is_no_json_is_refused_with_the_place(api: Api, text: bytes, offset: int | None) -> None:
    problem = await api.refusal("POST", "/jobs", content=text, headers=JSON)
    assert (problem["status"], problem["code"]) == (400, "MALFORMED")
    assert problem["errors"][0]["pointer"] == ""
    assert re.search("not JSON|not UTF-8|needs a JSON body|got `array`", problem["detail"])
    if offset:
        assert problem["errors"][0]["offset"] == offset


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "a"}, ""),
        ({"name": "a", "type": "COMMAND", "colour": "red"}, "/colour"),
        ({"name": "a", "type": "COMMAND", "overlap": "MAYBE"}, "/overlap"),
        ({"name": "a", "type": "COMMAND", "trigger": {"type": "LUNAR"}}, "/trigger/type"),
        ({"name": "a", "type": "COMMAND", "retry": {"maxAttempts": "3"}}, "/retry/maxAttempts"),
        ({"name": "a", "type": "COMMAND", "tags": ["a", 1]}, "/tags/1"),
        (["a"], ""),
    ],
)
async def test_a_body_of_another_shape_is_refused_with_a_pointer(api: Api, body: object, pointer: str) -> None:
    problem = await api.refusal("POST", "/jobs", body)
    assert (problem["status"], problem["code"]) == (400, "MALFORMED")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_a_body_that_claims_to_be_no_json_is_refused(api: Api) -> None:
    for media_type in ("text/plain", "application/x-www-form-urlencoded"):
        problem = await api.refusal("POST", "/jobs", content=b"{}", headers={"Content-Type": media_type})
        assert (problem["status"], problem["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    problem = await api.refusal("POST", "/jobs", content=b" " * (1024 * 1024 + 1), headers=JSON)
    assert (problem["status"], problem["code"]) == (413, "TOO_LARGE")
    assert "1 MiB" in problem["detail"]
    problem = await api.refusal("POST", "/apply", content=b" " * (8 * 1024 * 1024 + 1), headers=JSON)
    assert (problem["status"], problem["code"]) == (413, "TOO_LARGE")
    assert "8 MiB" in problem["detail"]


async def test_a_batch_may_be_larger_than_other_bodies(api: Api) -> None:
    answer = await api.call("POST", "/apply", content=b'{"jobs": []}' + b" " * (2 * 1024 * 1024), headers=JSON)
    assert answer.json() == {"items": []}


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("stat=ACTIVE", "UNKNOWN_PARAMETER", "stat"),
        ("status=SLEEPY", "INVALID_PARAMETER", "status"),
        ("limit=0", "INVALID_PARAMETER", "limit"),
        ("limit=201", "INVALID_PARAMETER", "limit"),
        ("limit=many", "INVALID_PARAMETER", "limit"),
        ("limit=1&limit=2", "INVALID_PARAMETER", "limit"),
        ("name=%00", "INVALID_PARAMETER", "name"),
        ("name=", "INVALID_PARAMETER", "name"),
        ("status=,", "INVALID_PARAMETER", "status"),
    ],
)
async def test_a_parameter_that_cannot_be_meant_is_refused(api: Api, query: str, code: str, parameter: str) -> None:
    problem = await api.refusal("GET", f"/jobs?{query}")
    assert (problem["status"], problem["code"]) == (400, code)
    assert [error["parameter"] for error in problem["errors"]] == [parameter]
    assert problem["detail"].startswith(f"{parameter}: ")


async def test_null_is_no_number(api: Api) -> None:
    path = "/cluster/maintenance/detect-failed-executors"
    problem = await api.refusal("POST", f"{path}?timeoutSeconds=null")
    assert (problem["status"], problem["code"]) == (400, "INVALID_PARAMETER")
    assert (await api.call("POST", f"{path}?timeoutSeconds=300")).is_success


async def test_an_unknown_parameter_is_answered_with_the_known_ones(api: Api) -> None:
    problem = await api.refusal("GET", "/jobs?state=ACTIVE")
    assert "known here: cursor, limit, name, status, tag" in problem["detail"]
    assert "takes none" in (await api.refusal("POST", "/apply?dryRun=true", {}))["detail"]


async def test_a_cursor_of_another_list_is_refused(api: Api) -> None:
    await api.create_job("a")
    await api.create_job("b")
    cursor = (await api.get("/jobs", limit=1))["nextCursor"]
    for query in (f"cursor={cursor}&status=ACTIVE", "cursor=abc", "cursor="):
        problem = await api.refusal("GET", f"/jobs?{query}")
        assert (problem["status"], problem["code"]) == (400, "INVALID_CURSOR")


async def test_a_path_that_does_not_exist_is_a_problem_too(api: Api) -> None:
    for path in ("/nothing", "/jobs/a/b/c", "/jobs/a%00/next", "/../secrets"):
        problem = await api.refusal("GET", path)
        assert (problem["status"], problem["code"]) == (404, "NO_SUCH_PATH")


async def test_a_wrong_method_is_answered_with_the_right_ones(api: Api) -> None:
    answer = await api.call("PATCH", "/jobs")
    problem = await api.refusal("PATCH", "/jobs")
    assert (problem["status"], problem["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


async def test_a_path_tells_all_its_methods(api: Api) -> None:
    one = {"GET", "PUT", "PATCH", "DELETE"}
    for path, methods in (("/jobs", {"GET", "POST"}), ("/jobs/a", one), ("/apply", {"POST"})):
        answer = await api.call("OPTIONS", path)
        assert answer.status_code == 204
        assert set(answer.headers["allow"].split(", ")) == methods | {"OPTIONS"}


async def test_only_calls_by_the_servers_own_name_are_answered(api: Api) -> None:
    for host in ("127.0.0.1", "localhost:9999", "[::1]:8080", "LOCALHOST"):
        assert (await api.call("GET", "/jobs", headers={"Host": host})).status_code == 200
    problem = await api.refusal("GET", "/jobs", headers={"Host": "evil.example:8080"})
    assert (problem["status"], problem["code"]) == (421, "UNKNOWN_HOST")
    assert "evil.example" in problem["detail"]
    for host in ("", "a b", "localhost:port"):
        problem = await api.refusal("GET", "/jobs", headers={"Host": host})
        assert (problem["status"], problem["code"]) == (400, "INVALID_HOST")


async def test_a_configured_name_is_answered_too(container: Container) -> None:
    app = create_app(container.services(), allowed_hosts=["Jobs.Example"])
    async with client_of(app, "http://jobs.example") as client:
        assert (await client.get("/api/v1/jobs")).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:3000", "null", "http://["])
async def test_a_page_of_another_site_may_not_write(api: Api, origin: str) -> None:
    await api.create_job()
    problem = await api.refusal("POST", "/jobs/backup/pause", headers={"Origin": origin})
    assert (problem["status"], problem["code"]) == (403, "FOREIGN_ORIGIN")
    own = await api.call("POST", "/jobs/backup/pause", headers={"Origin": "http://localhost:8080"})
    assert own.status_code == 200


async def test_a_request_keeps_the_id_that_its_caller_gave(api: Api) -> None:
    problem = await api.refusal("GET", "/jobs/nobody", headers={"X-Request-Id": "order-66"})
    assert problem["requestId"] == "order-66"
    made = (await api.call("GET", "/jobs", headers={b"X-Request-Id": b"a b\xe9"})).headers["x-request-id"]
    assert len(made) == 32


async def test_writes_are_logged_and_what_is_called_all_the_time_is_not(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="scheduler.access"):
        await api.create_job()
        await api.get("/jobs")
        await api.register()
        await api.claim()
        await api.report()
    logged = [(record.method, record.path, record.status) for record in caplog.records]  # type: ignore[attr-defined]
    assert logged == [("POST", "/api/v1/jobs", 201), ("POST", "/api/v1/cluster/executors", 201)]


async def test_a_failure_of_ours_tells_its_id_and_nothing_else(
    container: Container, api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("the password is 1234")

    monkeypatch.setattr(container.reader(), "jobs", fail)
    problem = await api.refusal("GET", "/jobs")
    assert (problem["status"], problem["code"]) == (500, "INTERNAL_ERROR")
    assert "1234" not in str(problem)
    (record,) = (record for record in caplog.records if record.exc_info)
    assert record.request_id == problem["requestId"]  # type: ignore[attr-defined]


async def test_while_the_store_is_away_a_call_leaves_one_line_and_those_of_executors_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pin_time_zones()
    nowhere = Settings(database_url=f"sqlite:///{tmp_path}/missing/jobs.sqlite")
    container = Container(settings=providers.Object(nowhere))
    async with client_of(create_app(container.services())) as client:
        with caplog.at_level(logging.INFO):
            await Api(client).refusal("GET", "/jobs")
            await Api(client).refusal("POST", "/cluster/executors/e/heartbeat", {"epoch": 1, "running": []})
    (record,) = (record for record in caplog.records if record.name.startswith(("scheduler", "interfaces")))
    assert "unable to open database file" in record.getMessage()
    await container.store().dispose()


async def test_a_store_that_is_away_is_worth_another_try(tmp_path: Path) -> None:
    nowhere = Settings(database_url=f"sqlite:///{tmp_path}/missing/jobs.sqlite")
    container = Container(settings=providers.Object(nowhere))
    async with client_of(create_app(container.services())) as client:
        problem = await Api(client).refusal("GET", "/jobs")
        assert (problem["status"], problem["code"], problem["retryable"]) == (503, "STORE_UNAVAILABLE", True)
        assert (await client.get("/api/v1/jobs")).headers["retry-after"] == "2"
    await container.store().dispose()
