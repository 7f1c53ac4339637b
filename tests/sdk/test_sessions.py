"""A worker registers, sends heartbeats, and heeds what the server answers."""

from __future__ import annotations

import asyncio
import gc
import getpass
import platform
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from scheduler_sdk.errors import Refused, SessionEnded, Superseded
from scheduler_sdk.protocol import identity
from scheduler_sdk.protocol.link import Link
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer
from tests.sdk.observed import pids, running


async def test_a_worker_says_who_and_where_it_is(
    server: FakeServer, crew: Crew, messages: Callable[[], list[str]]
) -> None:
    ready = []
    worker = await crew.start(
        executor_id="box/1", pool="night", labels={"gpu": "yes", "user": "someone"}, on_ready=lambda: ready.append(1)
    )
    registration = server.bodies("register")[0]
    assert registration.pop("instanceId")
    assert registration.pop("version")
    assert registration == {
        "executorId": "box/1",
        "host": socket.gethostname(),
        "pool": "night",
        "labels": {"os": platform.system().lower(), "host": socket.gethostname(), "user": "someone", "gpu": "yes"},
        "maxConcurrentTasks": 100,
        "types": ["COMMAND"],
        "handlers": [],
    }
    assert (worker.executor_id, ready) == ("box/1", [1])
    assert messages() == [
        f"executor box/1 ready: server {server.url}, pool night, slots 100, types COMMAND; waiting for tasks"
    ]


async def test_a_worker_without_a_name_gets_one(server: FakeServer, crew: Crew) -> None:
    worker = await crew.start(host="elsewhere")
    assert worker.executor_id in server.sessions
    labels = server.bodies("register")[0]["labels"]
    assert (labels["host"], labels["user"]) == ("elsewhere", getpass.getuser())


async def test_every_start_is_another_instance(server: FakeServer, crew: Crew) -> None:
    for _ in range(2):
        await crew.end(await crew.start(executor_id="one"))
    first, second = (body["instanceId"] for body in server.bodies("register"))
    assert first != second
    assert server.sessions["one"].epoch == 2


async def test_heartbeats_list_what_runs(server: FakeServer, crew: Crew) -> None:
    server.heartbeat_seconds = 0.05
    tasks = [await server.command(["sleep", "600"]) for _ in range(3)]
    worker = await crew.start()
    session = server.sessions[worker.executor_id or ""]
    await server.until(lambda: len(session.running) == 3)
    assert session.running == [{"taskId": task.id, "token": task.token} for task in tasks]
    await server.cancel(tasks[0])
    await server.until(lambda: len(session.running) == 2)


async def test_a_task_that_has_ended_is_held_until_the_server_knows_it(
    server: FakeServer, crew: Crew, tmp_path: Path
) -> None:
    server.heartbeat_seconds = 0.05
    task = await server.command(f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done")
    worker = await crew.start()
    session = server.sessions[worker.executor_id or ""]
    await server.until(lambda: task.status == "RUNNING")
    server.down = {"claim", "reports"}
    (tmp_path / "go").touch()
    await server.until(lambda: len(server.reported(task)) > 1)
    beats = server.count("heartbeat")
    await server.until(lambda: server.count("heartbeat") > beats + 3)
    assert session.running == [{"taskId": task.id, "token": task.token}]
    server.down = set()
    await server.ended(task)
    await server.until(lambda: session.running == [])


async def test_a_heartbeat_brings_a_cancel(server: FakeServer, crew: Crew) -> None:
    server.heartbeat_seconds = 0.05
    task = await server.command(["sleep", "600"])
    await crew.start()
    await server.until(lambda: task.status == "RUNNING")
    task.status = "STOPPING"  # without waking the claim that waits
    await server.ended(task)
    assert task.status == "CANCELLED"


async def test_a_lost_task_is_stopped_without_a_word(server: FakeServer, crew: Crew, tmp_path: Path) -> None:
    log = tmp_path / "log"
    server.heartbeat_seconds = 0.05
    task = await server.command(
        f"echo $$ >{log}; trap 'echo never heard; exit 1' TERM; while true; do sleep 0.05; done"
    )
    await crew.start()
    await server.until(lambda: pids(log))
    task.status = "FAILED"
    await server.until(lambda: not running(pids(log)[0]))
    after = await server.command(["true"])
    await server.ended(after)
    assert task.orphans == []
    assert all(report["kind"] == "LOG" for report in task.reports)


async def test_a_report_without_the_lease_stops_the_task(server: FakeServer, crew: Crew) -> None:
    task = await server.command("while true; do echo x; sleep 0.05; done")
    worker = await crew.start()
    await server.until(lambda: task.lines)
    task.status = "FAILED"
    await server.until(lambda: task.orphans)
    count = len(task.orphans)
    after = await server.command(["sleep", "0.3"])
    await server.ended(after)
    assert len(task.orphans) <= count + 1
    assert {report["kind"] for report in task.orphans} == {"LOG"}
    assert worker.executor_id is not None


async def test_a_worker_told_to_drain_claims_nothing_until_told_otherwise(server: FakeServer, crew: Crew) -> None:
    server.heartbeat_seconds = 0.05
    server.drain = True
    running_on = await server.command("sleep 0.5; echo done")
    await crew.start()
    await server.until(lambda: running_on.status == "RUNNING")
    await server.until(lambda: server.count("heartbeat") >= 2 and server.bodies("claim")[-1]["max"] == 0)
    task = await server.command(["true"])
    await server.ended(running_on)
    beats = server.count("heartbeat")
    await server.until(lambda: server.count("heartbeat") > beats + 2)
    assert (running_on.output, task.status) == (["done"], "PENDING")
    server.drain = False
    await server.ended(task)


async def test_a_superseded_worker_stops_everything_and_ends_with_an_error(
    server: FakeServer, crew: Crew, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    task = await server.command(f"echo $$ >{log}; exec sleep 600")
    first = await crew.start(executor_id="one")
    await server.until(lambda: pids(log))
    second = crew.worker(executor_id="one")
    second.handler("noop")(lambda context, parameters: None)
    await crew.start(second)
    await server.notify()
    with pytest.raises(Superseded):
        await asyncio.wait_for(crew.run_of(first), 20)
    assert not running(pids(log)[0])
    assert task.orphans == []
    assert not server.sessions["one"].left


async def test_after_the_end_of_its_session_a_worker_starts_anew(
    server: FakeServer, crew: Crew, tmp_path: Path, messages: Callable[[], list[str]]
) -> None:
    log = tmp_path / "log"
    task = await server.command(f"echo $$ >>{log}; [ $SCHEDULER_ATTEMPT = 2 ] || exec sleep 600")
    await crew.start(executor_id="one")
    await server.until(lambda: pids(log))
    await server.end_sessions()
    await server.ended(task)
    assert (task.status, task.attempts) == ("COMPLETED", 2)
    assert server.sessions["one"].epoch == 2
    assert not running(pids(log)[0])
    assert task.orphans == []
    assert sum("has ended" in message for message in messages()) == 1
    assert sum("ready" in message for message in messages()) == 2


async def test_two_calls_that_hear_of_the_end_of_the_session_at_once_are_one_end(
    server: FakeServer, crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, messages: Callable[[], list[str]]
) -> None:
    forgotten: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: forgotten.append(context["message"]))
    task = await server.command(f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done")
    await crew.start()
    await server.until(lambda: task.status == "RUNNING" and server.open_claims.total())
    persist, over = Link.persist, asyncio.Event()
    held: set[str] = set()

    async def hold(link: Link, url: URL, *rest: Any) -> Any:
        if over.is_set() or url.name not in ("claim", "reports"):
            return await persist(link, url, *rest)
        held.add(url.name)
        await over.wait()
        raise SessionEnded("The session has ended.")

    monkeypatch.setattr(Link, "persist", hold)
    await server.command(["true"])  # the claim that waits is answered, and another one waits
    (tmp_path / "go").touch()
    await server.until(lambda: held == {"claim", "reports"})
    over.set()
    await server.until(lambda: sum("has ended" in message for message in messages()) == 1)
    gc.collect()
    assert forgotten == []


async def test_a_server_that_has_forgotten_the_worker_gets_to_know_it_again(server: FakeServer, crew: Crew) -> None:
    worker = await crew.start()
    name = worker.executor_id
    await server.until(server.open_claims.total)
    await server.forget()
    task = await server.command(["true"])
    await server.ended(task)
    assert worker.executor_id == name
    assert server.sessions[name or ""].epoch == 1


async def test_sessions_that_keep_ending_are_begun_with_growing_pauses(
    server: FakeServer, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[int] = []

    def pause(failures: int) -> float:
        pauses.append(failures)
        return 0.0

    monkeypatch.setattr("scheduler_sdk.protocol.backoff.pause", pause)
    server.fail_next("claim", *["ended"] * 4)
    task = await server.command(["true"])
    await crew.start()
    await server.ended(task)
    assert (pauses, server.count("register")) == ([1, 2, 3, 4], 5)


async def test_a_result_from_before_the_end_of_the_session_is_still_delivered(
    server: FakeServer, crew: Crew, tmp_path: Path
) -> None:
    task = await server.command(f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo valuable")
    await crew.start()
    await server.until(lambda: task.status == "RUNNING")
    server.down = {"claim", "reports", "register"}
    (tmp_path / "go").touch()
    await server.until(lambda: len(server.reported(task)) > 1)
    await server.end_sessions()
    task.status = "FAILED"
    server.down = set()
    await server.until(lambda: "COMPLETE" in [report["kind"] for report in task.orphans])
    assert task.orphans[0]["lines"][0]["message"] == "valuable"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_first_registration_that_is_refused_ends_the_worker(
    server: FakeServer, crew: Crew, status: int
) -> None:
    server.fail_next("register", status)
    with pytest.raises(Refused, match=f"the register is answered {status} .HTTP {status}"):
        await crew.start()


async def test_one_refused_for_a_reason_that_may_pass_is_repeated(server: FakeServer, crew: Crew) -> None:
    server.fail_next("register", 409, 409)
    await crew.start()
    assert server.count("register") == 3
    assert len({body["instanceId"] for body in server.bodies("register")}) == 1


async def test_a_worker_too_old_for_the_server_says_so_once(
    server: FakeServer, crew: Crew, monkeypatch: pytest.MonkeyPatch, messages: Callable[[], list[str]]
) -> None:
    monkeypatch.setattr("scheduler_sdk.worker.sdk_version", lambda: "0.0.0.9")
    server.heartbeat_seconds = 0.02
    await crew.start()
    await server.until(lambda: server.count("heartbeat") > 3)
    assert sum("too old" in message for message in messages()) == 1


@pytest.mark.parametrize(
    ("release", "minimum", "older"),
    [("0.1.0", "0.1.0", False), ("0.9.0", "0.10.0", True), ("1.0.0rc1", "0.9.9", False), ("0", "0.1.0", True)],
)
def test_releases_compare_by_their_numbers(release: str, minimum: str, older: bool) -> None:
    assert identity.is_older(release, minimum) is older


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4_000_000_000)
    assert identity.default_labels("h")["user"] == "4000000000"
