"""Dependencies in documents, the graph they make, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.rest.api import COMMAND, Api

FOLLOWS = {"trigger": {"type": "DEPENDENCY"}}


def on(*names: str, **edge: Any) -> dict[str, Any]:
    """The fields of a job that follows these."""
    return FOLLOWS | {"dependencies": [{"job": name} | edge for name in names]}


def document(name: str, *upstreams: str) -> dict[str, Any]:
    return {"name": name, "type": "COMMAND", "parameters": COMMAND} | (on(*upstreams) if upstreams else {})


@pytest.fixture
async def diamond(api: Api) -> Api:
    """a → b, c → d."""
    for name, upstreams in (("a", ()), ("b", ("a",)), ("c", ("a",)), ("d", ("b", "c"))):
        await api.post("/jobs", document(name, *upstreams))
    return api


async def test_a_job_shows_what_it_depends_on(api: Api) -> None:
    await api.create_job("load-ledger")
    edge: dict[str, Any] = {"job": "load-ledger", "type": "SUCCESS", "match": {"type": "LATEST", "maxAge": "P1D"}}
    policy = {"join": "ALL", "waitTimeout": "PT2H", "onUnsatisfied": "FAIL"}
    trigger = {"type": "CRON", "expression": "0 2 * * *"}
    job = await api.create_job("report", trigger=trigger, dependencies=[edge], dependencyPolicy=policy)
    assert job["dependencies"] == [edge | {"condition": None, "match": edge["match"] | {"window": None}}]
    assert job["dependencyPolicy"] == policy | {"atLeast": None}
    assert (await api.get("/jobs/report"))["dependencies"] == job["dependencies"]
    items = (await api.get("/jobs/report/dependencies"))["items"]
    assert [(each["name"], each["type"], each["match"]["maxAge"]) for each in items] == [
        ("load-ledger", "SUCCESS", "P1D")
    ]


async def test_the_graph_is_seen_from_every_side(diamond: Api) -> None:
    def named(answer: Any) -> list[tuple[str, int]]:
        return sorted((each["name"], each["distance"]) for each in answer["items"])

    assert named(await diamond.get("/jobs/a/dependents")) == [("b", 1), ("c", 1), ("d", 2)]
    assert named(await diamond.get("/jobs/d/ancestors")) == [("a", 2), ("b", 1), ("c", 1)]
    assert [each["name"] for each in (await diamond.get("/jobs/d/dependencies"))["items"]] == ["b", "c"]
    plan = await diamond.get("/jobs/a/plan")
    assert plan["jobs"] == 4
    assert [[each["name"] for each in level] for level in plan["levels"]] == [["a"], ["b", "c"], ["d"]]
    whole = await diamond.get("/graph")
    assert [each["name"] for each in whole["jobs"]] == ["a", "b", "c", "d"]
    assert (len(whole["edges"]), [len(level) for level in whole["levels"]]) == (4, [1, 2, 1])
    part = await diamond.get("/graph", job="b")
    assert [each["name"] for each in part["jobs"]] == ["a", "b", "d"]
    assert len(part["edges"]) == 2


async def test_what_is_alone_has_an_empty_graph(api: Api) -> None:
    await api.create_job("alone")
    assert (await api.get("/jobs/alone/dependencies"))["items"] == []
    assert (await api.get("/jobs/alone/dependents"))["items"] == []
    assert (await api.get("/jobs/alone/plan"))["jobs"] == 1
    assert await api.get("/graph") == {"jobs": [], "edges": [], "levels": []}
    assert (await api.refusal("GET", "/jobs/nobody/plan"))["code"] == "JOB_NOT_FOUND"
    assert (await api.refusal("GET", "/graph", params={"job": "nobody"}))["code"] == "JOB_NOT_FOUND"


async def test_a_circle_over_five_jobs_is_refused_by_name(api: Api) -> None:
    await api.post("/jobs", document("j1"))
    for n in range(2, 6):
        await api.post("/jobs", document(f"j{n}", f"j{n - 1}"))
    problem = await api.refusal("PUT", "/jobs/j1", on("j5"))
    assert (problem["status"], problem["code"]) == (422, "DEPENDENCY_CIRCLE")
    assert problem["errors"][0]["pointer"] == "/dependencies"
    assert "j1 → j2 → j3 → j4 → j5 → j1" in problem["detail"]
    assert (await api.get("/jobs/j1"))["dependencies"] == []


@pytest.mark.parametrize(
    ("more", "pointer", "code"),
    [
        (on("nobody"), "/dependencies/0/job", "UNKNOWN_UPSTREAM"),
        (on("a", "a"), "/dependencies/1/job", "DOUBLE_DEPENDENCY"),
        (on("me"), "/dependencies/0/job", "SELF_DEPENDENCY"),
        (on("a", "z"), "/dependencies/0/match", "MATCH_MISSING"),
        (FOLLOWS, "/dependencies", "DEPENDENCIES_MISSING"),
        ({"dependencies": [{"job": "a"}]}, "/trigger", "DEPENDENCIES_UNUSED"),
        (on("a", condition="true"), "/dependencies/0/condition", "INVALID_CONDITION"),
        (on("a", match={"type": "LATEST"}), "/dependencies/0/match/maxAge", "INVALID_MATCH"),
        (on("a", match={"type": "SAME", "window": "P1D"}), "/dependencies/0/match/window", "INVALID_MATCH"),
        (on("a", match={"type": "LATEST", "maxAge": "soon"}), "/dependencies/0/match/maxAge", "SYNTAX"),
    ],
)
async def test_what_cannot_be_depended_on_is_refused(api: Api, more: dict[str, Any], pointer: str, code: str) -> None:
    for name in ("a", "z"):
        await api.create_job(name)
    problem = await api.refusal("POST", "/jobs", {"name": "me", "type": "COMMAND", "parameters": COMMAND} | more)
    assert problem["status"] == 422
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["code"]) == (pointer, code)
    assert problem["errors"][0]["detail"]
    assert (await api.refusal("GET", "/jobs/me"))["status"] == 404


async def test_one_upstream_by_name_and_by_id_is_named_twice(api: Api) -> None:
    job = await api.create_job("a")
    problem = await api.refusal("POST", "/jobs", document("me", "a", job["id"]))
    assert problem["errors"][0]["code"] == "DOUBLE_DEPENDENCY"


async def test_an_upstream_is_not_deleted_while_somebody_depends_on_it(diamond: Api) -> None:
    problem = await diamond.refusal("DELETE", "/jobs/b")
    assert (problem["status"], problem["code"]) == (409, "JOB_HAS_DEPENDENTS")
    assert "'d'" in problem["detail"]
    assert (await diamond.call("DELETE", "/jobs/d")).is_success
    assert (await diamond.call("DELETE", "/jobs/b")).is_success
    assert [each["name"] for each in (await diamond.get("/graph"))["jobs"]] == ["a", "c"]


async def test_dependencies_may_be_changed_and_taken_away(diamond: Api) -> None:
    assert (await diamond.call("PUT", "/jobs/d", {"dependencies": [{"job": "c"}]})).is_success
    assert [each["name"] for each in (await diamond.get("/jobs/d/dependencies"))["items"]] == ["c"]
    assert (await diamond.call("PUT", "/jobs/d", {"dependencies": None, "trigger": None})).is_success
    assert (await diamond.get("/jobs/d/dependencies"))["items"] == []
    assert (await diamond.call("POST", "/jobs/d/activate")).is_success


async def test_of_changes_that_together_close_a_circle_one_is_refused(api: Api) -> None:
    for name in ("a", "b"):
        await api.create_job(name)
    answers = await asyncio.gather(*(api.call("PUT", f"/jobs/{x}", on(y)) for x, y in (("a", "b"), ("b", "a"))))
    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert len((await api.get("/graph"))["edges"]) == 1


async def test_an_upstream_that_is_deleted_meanwhile_is_not_depended_on(api: Api) -> None:
    for name in ("a", "b"):
        await api.create_job(name)
    made, gone = await asyncio.gather(api.call("PUT", "/jobs/b", on("a")), api.call("DELETE", "/jobs/a"))
    assert sorted([made.is_success, gone.is_success]) == [False, True]


async def test_documents_are_applied_in_the_order_of_their_dependencies(api: Api) -> None:
    documents = [document("d", "b", "c"), document("c", "a"), document("b", "a"), document("a")]
    items = (await api.post("/apply", {"jobs": documents}))["items"]
    assert [(each["name"], each["action"]) for each in items] == [(name, "CREATED") for name in "dcba"]
