"""Results of upstreams in the parameters of what depends on them."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.container import Container
from tests.integration.rest.api import Api
from tests.integration.rest.test_following_api import House
from tests.integration.rest.test_retry_downstream_api import retry
from tests.integration.rest.test_waiting_fires_api import fire, now_of, scheduled, seen


@pytest.fixture
async def house(api: Api, container: Container) -> House:
    await api.register()
    return House(api, container)


def words(*texts: str, **env: str) -> dict[str, Any]:
    return {"command": ["load", *texts], "env": env}


async def last(house: House, name: str) -> Any:
    return (await house.api.get(f"/tasks/job/{name}"))["items"][0]


async def test_results_come_into_the_parameters_of_what_follows(house: House) -> None:
    await house.job("a.b")
    await house.job("flow", "a.b", type="PYTHON", handler="h", parameters={
        "rows": "${upstream.a.b.result.rows}", "second": "${upstream.a.b.result.files.1}",
        "all": ["${upstream.a.b.result}"], "text": "${upstream.a.b.status}: ${upstream.a.b.result.rows} rows",
        "how": "${upstream.a.b.parameters.command.0}", "lacking": "${upstream.a.b.result.none:7}", "shell": "${HOME}",
    })  # fmt: skip
    await house.run("a.b")
    result = {"rows": 3, "files": ["x", "y"], "tricky": "${upstream.a.b.status}"}
    await house.work(**{"a.b": result})
    assert (await last(house, "flow"))["parameters"] == {
        "rows": 3, "second": "y", "all": [result], "text": "COMPLETED: 3 rows",
        "how": "true", "lacking": "7", "shell": "${HOME}",
    }  # fmt: skip


async def test_what_becomes_text_in_a_command_is_text(house: House) -> None:
    await house.job("a")
    await house.job("b", "a", parameters=words("${upstream.a.result.rows}", ROWS="${upstream.a.result.rows}"))
    await house.run("a")
    await house.work(a={"rows": 3})
    assert (await last(house, "b"))["parameters"] == words("3", ROWS="3")


async def test_a_value_that_is_missing_is_a_failure_that_says_so_and_what_follows_is_judged_by_it(house: House) -> None:
    await house.job("a")
    await house.job("b", "a", parameters=words("${upstream.a.result.rows}"))
    await house.job("c", "b")
    await house.job("alarm", {"job": "b", "type": "FAILURE"})
    run = await house.run("a")
    await house.work(a={"other": 1})
    assert await house.statuses(run) == {"a": "COMPLETED", "b": "FAILED", "c": "SKIPPED", "alarm": "PENDING"}
    task = await last(house, "b")
    said = "${upstream.a.result.rows} cannot be filled: the task of a ended COMPLETED and has no result.rows"
    assert (task["error"]["code"], task["error"]["message"]) == ("UPSTREAM_VALUE_MISSING", said)
    assert (task["statusReason"], task["attempt"]) == (said, 0)


async def test_what_could_not_be_filled_is_filled_when_it_is_retried_or_fails_again(house: House) -> None:
    await house.job("a")
    await house.job("b", "a", parameters=words("${upstream.a.result.rows}"))
    await house.run("a")
    await house.work(a={})
    task = await last(house, "b")
    await retry(house, task["id"])
    assert (await last(house, "b"))["status"] == "FAILED"
    counted = (await house.api.post("/failures/redrive?dryRun=true", {}))["count"]
    assert counted == 0  # all together they could not be filled either
    problem = await house.api.refusal("POST", f"/tasks/{task['id']}/rerun")
    assert (problem["status"], problem["errors"][0]["code"]) == (422, "NO_UPSTREAM")


async def test_a_value_that_the_type_of_the_job_refuses_is_a_failure(house: House) -> None:
    await house.job("a")
    await house.job("b", "a", parameters={"command": ["${upstream.a.result.program}"]})
    await house.run("a")
    await house.work(a={"program": ""})
    task = await last(house, "b")
    assert (task["status"], task["error"]["code"]) == ("FAILED", "UPSTREAM_VALUE_MISSING")
    assert "the parameters are not right" in task["error"]["message"]


async def test_one_that_looks_out_of_its_run_is_filled_when_it_is_let_go(house: House) -> None:
    for name in ("a", "other"):
        await house.job(name)
    match = {"type": "LATEST", "maxAge": "P1D"}
    both = words("${upstream.a.result.n}", "${upstream.other.result.n}")
    await house.job("b", "a", {"job": "other", "match": match}, parameters=both)
    await house.run("a")
    await house.work(a={"n": 1})
    assert (await last(house, "b"))["status"] == "BLOCKED"
    await house.run("other")
    await house.work(other={"n": 2})
    task = await last(house, "b")
    assert (task["status"], task["parameters"]) == ("PENDING", words("1", "2"))


async def test_a_fire_of_a_schedule_is_filled_when_it_is_let_go(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "SAME"}, parameters=words("${upstream.up.result.n}"))
    now = await now_of(house)
    await fire(house, "up", now)
    await fire(house, "down", now)
    await house.work(up={"n": 5})
    assert (await last(house, "down"))["parameters"] == words("5")
    problem = await house.api.refusal("POST", "/jobs/down/trigger")
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/parameters/command/1")
    await house.api.post("/jobs/down/trigger", {"parameters": words("9"), "overlap": "ALLOW"})


async def test_who_has_lost_the_upstream_that_was_to_fill_it_fails(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "LATEST", "maxAge": "P1D"}, parameters=words("${upstream.up.result.n}"))
    await fire(house, "down", await now_of(house))
    changes = {"dependencies": None, "parameters": words("x")}
    assert (await house.api.call("PUT", "/jobs/down", changes)).is_success
    await house.judge()
    assert await seen(house, "down") == ["FAILED"]


@pytest.mark.parametrize(
    ("text", "more", "pointer", "code"),
    [
        ("${upstream.a.result.x}", {"trigger": {"type": "MANUAL"}}, "/parameters/command/1", "NO_UPSTREAM"),
        ("${upstream.z.result.x}", {}, "/parameters/command/1", "UNKNOWN_UPSTREAM"),
        ("${upstream.a}", {}, "/parameters/command/1", "INVALID_PLACE"),
        ("${upstream.a.output}", {}, "/parameters/command/1", "INVALID_PLACE"),
        ("${upstream.}", {}, "/parameters/command/1", "INVALID_PLACE"),
        ("${upstream.a.result", {}, "/parameters/command/1", "INVALID_PLACE"),
        ("${upstream.all.result}", {}, "/parameters/command/1", "INVALID_PLACE"),
        ("x", {"parameters": {"command": "rm ${upstream.a.result.x}"}}, "/parameters/command", "PLACE_IN_CODE"),
        (
            "x",
            {
                "parameters": {"command": ["x"], "env": {"K": "${upstream.a.result.x}"}},
                "concurrency": {"key": "k-${param.env.K}", "limit": 1},
            },
            "/concurrency/key",
            "KEY_FROM_UPSTREAM",
        ),
    ],
)
async def test_what_no_upstream_can_ever_fill_is_refused_with_the_job(
    house: House, text: str, more: dict[str, Any], pointer: str, code: str
) -> None:
    for name in ("a", "all"):
        await house.job(name)
    edges = [{"job": "a"}, {"job": "all", "match": {"type": "ALL_IN", "window": "P1D"}}]
    body = {"name": "b", "type": "COMMAND", "parameters": words(text), "trigger": {"type": "DEPENDENCY"}}
    wish = {**body, "dependencies": edges, **more}
    if "trigger" in more:
        del wish["dependencies"]
    problem = await house.api.refusal("POST", "/jobs", wish)
    assert problem["status"] == 422
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["code"]) == (pointer, code)
    assert problem["errors"][0]["detail"]
