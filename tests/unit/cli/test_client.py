"""The client against a server on a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from scheduler_sdk import client_calls
from scheduler_sdk.client import Client
from scheduler_sdk.client_errors import ApiError, FieldProblem, InvalidServer, NoAnswer, Unreachable
from scheduler_sdk.server_address import resolve_server
from tests.unit.cli.fake_scheduler import Cut, FakeScheduler, problem


@pytest.fixture
def client(server: str) -> Iterator[Client]:
    with Client(server) as client:
        yield client


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def log_line(message: str, **more: Any) -> dict[str, Any]:
    return {"at": "2026-11-22T10:00:00Z", "attempt": 1, "level": "INFO", "stream": "stdout", "message": message, **more}


def test_the_server_is_the_argument_else_the_variable_else_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_URL", "https://jobs.example.org/scheduler/")
    assert resolve_server("10.0.0.1:9000") == "http://10.0.0.1:9000"
    assert resolve_server() == "https://jobs.example.org/scheduler"
    monkeypatch.delenv("SCHEDULER_URL")
    assert resolve_server() == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "address", ["ftp://x", "http://", "http://x:99999", "http://x:0", "http://a b", "http://x/?q=1"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InvalidServer, match="is not a server's address"):
        Client(address)


def test_pages_are_fetched_as_they_are_read(client: Client, fake: FakeScheduler) -> None:
    fake.jobs = {f"job-{n}": {"name": f"job-{n}", "tags": []} for n in range(450)}
    found = client.jobs(status="ACTIVE")
    assert next(found)["name"] == "job-0"
    assert len(fake.requests) == 1
    assert [job["name"] for job in found] == [f"job-{n}" for n in range(1, 450)]
    assert [request.query.get("cursor") for request in fake.requests] == [None, "200", "400"]
    assert {request.query["status"] for request in fake.requests} == {"ACTIVE"}


def test_a_set_of_jobs_is_applied_in_as_many_calls_as_the_limits_ask_for(
    client: Client, fake: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [{"name": f"job-{n}", "tags": []} for n in range(2500)]
    assert [item["name"] for item in client.apply(jobs)] == [job["name"] for job in jobs]
    assert [len(request.body["jobs"]) for request in fake.requests] == [1000, 1000, 500]
    monkeypatch.setattr(client_calls, "LARGEST_BODY", 100)
    fake.requests.clear()
    assert len(client.apply(jobs[:10], dry_run=True)) == 10
    assert [len(request.body["jobs"]) for request in fake.requests] == [3, 3, 3, 1]
    assert client.apply([]) == []


def test_a_job_is_named_in_the_path_whatever_its_characters(client: Client, fake: FakeScheduler) -> None:
    with pytest.raises(ApiError):
        client.job("a/b?c#d")
    assert fake.requests[0].path == "/jobs/a/b?c#d"
    assert fake.requests[0].query == {}


def test_a_problem_document_becomes_an_error_with_all_it_says(client: Client, fake: FakeScheduler) -> None:
    fields = [{"pointer": "/trigger/expression", "code": "INVALID_CRON", "detail": "61 is not in 0-59", "offset": 0}]
    refusal = problem(422, "Invalid", "One field is wrong.", "INVALID", errors=fields, requestId="r-1")
    fake.routes["POST /jobs"] = lambda _: (422, refusal)
    with pytest.raises(ApiError, match=r"Invalid — One field is wrong\.") as raised:
        client.create_job({"name": "x"})
    assert (raised.value.status, raised.value.code, raised.value.request_id) == (422, "INVALID", "r-1")
    assert raised.value.errors == (FieldProblem("/trigger/expression", "61 is not in 0-59", "INVALID_CRON", 0),)


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>hello</html>"), (502, b"<html>bad gateway</html>"), (500, b""), (404, b"[1]")]
)
def test_an_answer_that_is_not_the_scheduler_s_says_so(
    client: Client, fake: FakeScheduler, status: int, body: bytes
) -> None:
    fake.routes["GET /jobs/x"] = lambda _: (status, body)
    if status == 200 or body:
        with pytest.raises(ApiError, match=f"answered {status} .* and not as a scheduler does — it begins"):
            client.job("x")
    else:
        with pytest.raises(ApiError, match="the answer is empty"):
            client.job("x")


def test_no_server_is_told_with_what_was_tried_and_how_to_start_one() -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    with Client(url) as client, pytest.raises(Unreachable, match=rf"{url} \(connection refused\).*scheduler dev"):
        client.job("x")


def test_a_server_that_stays_silent_is_given_up(fake: FakeScheduler) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        Client(f"127.0.0.1:{deaf.getsockname()[1]}", timeout=0.05) as client,
    ):
        with pytest.raises(NoAnswer, match=r"did not answer within 0\.05 s"):
            client.job("x")


def test_a_log_is_read_page_by_page(client: Client, fake: FakeScheduler) -> None:
    def page(request: Any) -> tuple[int, Any]:
        first = "cursor" not in request.query
        return 200, {"items": [log_line("1" if first else "2")], "nextCursor": "c" if first else None}

    fake.routes["GET /tasks/t/logs"] = page
    assert [line["message"] for line in client.task_logs("t", level="WARN")] == ["1", "2"]
    assert fake.requests[0].query == {"level": "WARN", "limit": "200"}


def test_a_followed_log_ends_with_its_task(client: Client, fake: FakeScheduler) -> None:
    fake.tasks["t"] = {"id": "t", "status": "COMPLETED"}
    fake.streams = [lambda: iter([log_line("1"), None, log_line("2")])]
    assert [line["message"] for line in client.task_logs("t", follow=True)] == ["1", "2"]


@pytest.mark.parametrize("with_cursor", [True, False])
def test_a_connection_that_drops_costs_neither_a_line_nor_a_double(
    client: Client, fake: FakeScheduler, with_cursor: bool
) -> None:
    lines = [log_line(str(n), **({"cursor": f"c{n}"} if with_cursor else {})) for n in range(5)]

    def cut_after(begin: int, end: int) -> Iterator[Any]:
        yield from lines[begin:end]
        raise Cut

    def ending(begin: int) -> Iterator[Any]:
        fake.tasks["t"] = {"id": "t", "status": "FAILED", "stopping": False}
        yield from lines[begin:]

    fake.tasks["t"] = {"id": "t", "status": "CANCELLED", "stopping": True}
    begin = (2, 3) if with_cursor else (0, 0)
    fake.streams = [lambda: cut_after(0, 2), lambda: iter(lines[begin[0] : 3]), lambda: ending(begin[1])]
    assert [line["message"] for line in client.task_logs("t", follow=True)] == ["0", "1", "2", "3", "4"]
    followed = [request.query.get("cursor") for request in fake.requests if request.query.get("follow")]
    assert followed == ([None, "c1", "c2"] if with_cursor else [None, None, None])


def test_following_gives_up_when_the_server_stays_away(fake: FakeScheduler) -> None:
    with Client(f"127.0.0.1:{closed_port()}") as client, pytest.raises(Unreachable):
        list(client.task_logs("t", follow=True, give_up_after=0.0))


def test_following_an_unknown_task_fails_at_once(client: Client) -> None:
    with pytest.raises(ApiError) as raised:
        list(client.task_logs("t", follow=True))
    assert raised.value.status == 404


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    fake: FakeScheduler, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    fake.jobs["x"] = {"name": "x"}
    with Client(server) as client:
        assert client.job("x") == {"name": "x"}
