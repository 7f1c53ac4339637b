"""Matches that can never find a fire are refused, and what the others mean is shown beforehand."""

from __future__ import annotations

from typing import Any

from tests.integration.rest.api import COMMAND, Api

SAME = {"type": "SAME"}


def cron(expression: str) -> dict[str, Any]:
    return {"type": "CRON", "expression": expression}


def report(expression: str, match: dict[str, Any], **more: Any) -> dict[str, Any]:
    edge = {"job": "load", "match": match}
    fields = {"name": "report", "type": "COMMAND", "parameters": COMMAND, "trigger": cron(expression)}
    return fields | {"dependencies": [edge]} | more


async def test_a_match_that_can_never_find_a_fire_is_refused_wherever_it_comes_from(api: Api) -> None:
    await api.create_job("load", trigger=cron("0 2 * * *"))
    bad = report("0 3 * * *", SAME)
    for method, path in (("POST", "/jobs"), ("POST", "/jobs?dryRun=true"), ("POST", "/jobs/validate")):
        problem = await api.refusal(method, path, bad)
        assert problem["status"] == 422
        (error,) = problem["errors"]
        assert (error["pointer"], error["code"]) == ("/dependencies/0/match", "NEVER_MATCHES")
        assert "'load' never fires at the same time" in error["detail"]
    (applied,) = (await api.post("/apply", {"jobs": [bad]}))["items"]
    assert applied["problem"]["errors"][0]["code"] == "NEVER_MATCHES"
    await api.post("/jobs", report("0 2 * * *", SAME, active=True))
    problem = await api.refusal("PUT", "/jobs/report", {"trigger": cron("0 3 * * *")})
    assert problem["errors"][0]["code"] == "NEVER_MATCHES"
    assert (await api.call("PUT", "/jobs/load", {"trigger": cron("0 4 * * *")})).is_success  # its own edges are fine
    assert (await api.call("POST", "/jobs/report/pause")).is_success  # what is not changed is not judged anew
    await api.create_job("by-hand")
    problem = await api.refusal("POST", "/jobs", report("0 3 * * *", SAME) | {"dependencies": [
        {"job": "by-hand", "match": SAME}
    ]})  # fmt: skip
    assert "MANUAL" in problem["errors"][0]["detail"]


async def test_what_matches_mean_is_shown_before_the_job_is_stored(api: Api) -> None:
    await api.create_job("load", trigger=cron("30 0-2 * * *"))
    window = {"type": "ALL_IN", "window": "PT2H"}
    for path in ("/jobs?dryRun=true", "/jobs/validate"):
        answer = await api.post(path, report("0 3 * * *", window))
        (edge,) = answer["nextMatches"]
        assert (edge["job"], edge["match"]["type"]) == ("load", "ALL_IN")
        assert [fire["nominalAt"] for fire in edge["fires"]] == [fire["nominalAt"] for fire in answer["nextFires"]] or (
            answer["nextFires"] == []  # it is not active
        )
        assert {(fire["nominalAt"][11:19], fire["upstreamAt"][11:19], fire["count"]) for fire in edge["fires"]} == {
            ("03:00:00", "02:30:00", 2)
        }
        assert edge["firstMatchAt"] == edge["fires"][0]["nominalAt"]
    rare = await api.post("/jobs/validate", report("30 1 * * *", SAME, name="r"))
    assert rare["nextMatches"][0]["fires"][0]["count"] == 1
    unknown = await api.post("/jobs/validate", report("0 3 * * *", SAME) | {"dependencies": [
        {"job": "nobody", "match": SAME}
    ]})  # fmt: skip
    assert unknown["nextMatches"] == []


async def test_a_match_that_seldom_finds_a_fire_says_when_first(api: Api) -> None:
    await api.create_job("load", trigger=cron("0 3 1 * *"))
    answer = await api.post("/jobs/validate", report("0 3 * * 0", SAME))
    (edge,) = answer["nextMatches"]
    assert edge["firstMatchAt"][8:10] == "01"
