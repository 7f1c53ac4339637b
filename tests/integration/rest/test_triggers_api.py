"""Triggers of every type over REST: defined, previewed, refused; and what comes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bootstrap.container import Container
from tests.integration.rest.api import COMMAND, Api

AFTER = "2031-05-06T12:00:00Z"
RATE = {"type": "FIXED_RATE", "every": "PT1H"}
FUTURE = {"type": "ONE_TIME", "at": "2199-01-01T12:00:00Z"}
ANY_OF = {"type": "ANY_OF", "triggers": [FUTURE, {"type": "CRON", "expression": "0 0 1 1 *", "timeZone": "Asia/Tokyo"}]}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def tick(container: Container) -> None:
    """What the loops do once each."""
    await container.follower().tick()
    await container.planner().tick()


@pytest.mark.parametrize(
    ("trigger", "shown"),
    [
        ({**RATE, "window": "10m"}, {"jitter": None, "window": "PT10M"}),
        (RATE, {"window": None, "anchor": None, "initialDelay": None, "jitter": None, "maxExecutions": None}),
        ({**RATE, "anchor": "2031-05-06T14:00:00+02:00", "jitter": "5s"}, {"anchor": "2031-05-06T12:00:00Z"}),
        ({"type": "FIXED_DELAY", "delay": "90s", "initialDelay": "1h"}, {"delay": "PT1M30S", "initialDelay": "PT1H"}),
        (FUTURE, {"localTime": None, "timeZone": None}),
        (
            {"type": "ONE_TIME", "localTime": "2199-05-06T14:00:00", "timeZone": "Europe/Berlin"},
            {"at": None, "localTime": "2199-05-06T14:00:00", "dst": {"gap": "AUTO", "overlap": "AUTO"}},
        ),
        ({"type": "EVENT", "eventType": "com.shop.*", "source": "/shops/1"}, {"filter": None, "startAt": None}),
        (ANY_OF, {"endAt": None}),
    ],
)
async def test_a_trigger_of_any_type_is_kept_and_shown(
    api: Api, trigger: dict[str, Any], shown: dict[str, Any]
) -> None:
    await api.create_job(trigger=trigger)
    found = (await api.get("/jobs/backup"))["trigger"]
    assert found["type"] == trigger["type"]
    assert shown.items() <= found.items()
    previews = [await api.post("/jobs/preview", {"trigger": t, "after": AFTER}) for t in (found, trigger)]
    assert previews[0] == previews[1]


async def test_parts_are_shown_with_their_defaults(api: Api) -> None:
    await api.create_job(trigger=ANY_OF)
    first, second = (await api.get("/jobs/backup"))["trigger"]["triggers"]
    assert (first["type"], first["localTime"], second["type"], second["dayMatch"]) == (
        "ONE_TIME",
        None,
        "CRON",
        "VIXIE",
    )


async def test_a_job_at_a_fixed_rate_fires_at_its_activation_and_from_then_on(api: Api, container: Container) -> None:
    job = await api.create_job(trigger=RATE)
    await tick(container)
    (entry,) = (await api.get("/jobs/backup/occurrences"))["items"]
    assert (entry["decision"], entry["nominalAt"]) == ("FIRED", job["nextFireAt"])
    fires = (await api.get("/jobs/backup/next", count=3))["fires"]
    assert [at(f["nominalAt"]) for f in fires] == [at(job["nextFireAt"]) + n * timedelta(hours=1) for n in (1, 2, 3)]
    assert (await api.get("/jobs/backup"))["nextFireAt"] == fires[0]["plannedAt"]


async def test_a_fire_with_a_window_is_told_and_noted_within_it(api: Api, container: Container) -> None:
    job = await api.create_job(trigger={**RATE, "window": "PT10M", "initialDelay": "PT2H"}, overlap="ALLOW")
    first, second = (await api.get("/jobs/backup/next", count=2))["fires"]
    assert at(first["windowEndsAt"]) == at(first["nominalAt"]) + timedelta(minutes=10)
    assert first["nominalAt"] < first["plannedAt"] < first["windowEndsAt"] < second["nominalAt"]
    assert job["nextFireAt"] == first["plannedAt"]
    item = (await api.get("/upcoming", collapse=100))["items"][0]
    assert (item["plannedAt"], item["windowEndsAt"]) == (first["plannedAt"], first["windowEndsAt"])
    (example,) = (await api.post("/jobs/preview", {"trigger": {**RATE, "window": "PT1M"}, "count": 1}))["fires"]
    assert example["plannedAt"] <= example["windowEndsAt"]
    (free,) = (await api.post("/jobs/preview", {"trigger": RATE, "count": 1}))["fires"]
    assert free["windowEndsAt"] is None


@pytest.mark.parametrize(
    ("trigger", "pointer"),
    [
        ({**RATE, "window": "PT61M"}, "/trigger/window"),
        ({**RATE, "window": "PT1M", "jitter": "PT1M"}, "/trigger/window"),
        ({"type": "CRON", "expression": "0 */2 * * *", "window": "PT3H"}, "/trigger/window"),
        ({"type": "ANY_OF", "triggers": [{**RATE, "window": "PT1M"}]}, "/trigger/triggers/0/window"),
        ({"type": "MANUAL", "window": "PT1M"}, "/trigger/window"),
    ],
)
async def test_a_window_that_makes_no_sense_is_refused(api: Api, trigger: dict[str, Any], pointer: str) -> None:
    job = {"name": "backup", "type": "COMMAND", "parameters": COMMAND, "trigger": trigger}
    problem = await api.refusal("POST", "/jobs", job)
    assert [each["pointer"] for each in problem["errors"]] == [pointer]


async def test_a_job_with_a_fixed_delay_waits_for_the_end_of_its_run(api: Api, container: Container) -> None:
    await api.create_job(trigger={"type": "FIXED_DELAY", "delay": "PT1H"}, retry={"maxAttempts": 1})
    await api.register()
    await tick(container)
    assert (await api.get("/jobs/backup"))["nextFireAt"] is None
    for kind in ("COMPLETE", "FAIL"):
        (item,) = (await api.claim())["tasks"]
        error = {"error": {"code": "BROKEN", "message": "it is broken"}} if kind == "FAIL" else {}
        await api.report({"taskId": item["taskId"], "token": item["token"], "kind": kind, **error})
        await tick(container)
        ended_at = at((await api.get(f"/tasks/{item['taskId']}"))["endedAt"])
        job = await api.get("/jobs/backup")
        assert at(job["nextFireAt"]) == ended_at + timedelta(hours=1)
        (fire,) = (await api.get("/jobs/backup/next", count=1))["fires"]
        assert fire["nominalAt"] == job["nextFireAt"]
        # The next one is to begin at once: a job that is activated anew does.
        await api.post("/jobs/backup/disable", {"reason": "test"})
        await api.post("/jobs/backup/activate")
        await tick(container)


async def test_a_job_at_one_time_fires_once_and_is_exhausted(api: Api, container: Container) -> None:
    soon = (datetime.now(UTC) + timedelta(milliseconds=300)).isoformat()
    job = await api.create_job(trigger={"type": "ONE_TIME", "at": soon})
    assert (at(job["nextFireAt"]), job["exhausted"]) == (at(soon), False)
    while not (ledger := (await api.get("/jobs/backup/occurrences"))["items"]):
        await tick(container)
    assert [(at(e["nominalAt"]), e["decision"]) for e in ledger] == [(at(soon), "FIRED")]
    job = await api.get("/jobs/backup")
    assert (job["status"], job["nextFireAt"], job["exhausted"]) == ("ACTIVE", None, True)
    assert (await api.get("/jobs/backup/next"))["fires"] == []
    changed = await api.call("PUT", "/jobs/backup", {"description": "it is done"})
    assert changed.json()["description"] == "it is done"


async def test_a_time_in_the_past_is_refused(api: Api) -> None:
    body = {"name": "late", "type": "COMMAND", "parameters": COMMAND}
    problem = await api.refusal(
        "POST", "/jobs", {**body, "trigger": {"type": "ONE_TIME", "at": "2020-01-01T00:00:00Z"}}
    )
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/trigger/at")
    assert "has passed" in problem["detail"]


@pytest.mark.parametrize(
    ("trigger", "pointer", "status"),
    [
        ({"type": "FIXED_RATE"}, "/trigger", 400),
        ({"type": "FIXED_RATE", "every": 5}, "/trigger/every", 400),
        ({"type": "FIXED_RATE", "every": "0s"}, "/trigger/every", 422),
        ({"type": "FIXED_DELAY", "delay": "400d"}, "/trigger/delay", 422),
        ({"type": "ONE_TIME"}, "/trigger/at", 422),
        ({"type": "ONE_TIME", "at": "tomorrow"}, "/trigger/at", 400),
        ({"type": "EVENT", "eventType": ""}, "/trigger/eventType", 422),
        ({"type": "EVENT", "eventType": "a", "filter": "event.id =="}, "/trigger/filter", 422),
        ({"type": "ANY_OF", "triggers": [ANY_OF]}, "/trigger/triggers/0/type", 422),
        ({"type": "ANY_OF", "triggers": [{"type": "FIXED_DELAY", "delay": "1h"}]}, "/trigger/triggers/0/type", 422),
        ({"type": "MOON"}, "/trigger/type", 400),
    ],
)
async def test_what_makes_no_trigger_is_pointed_at(
    api: Api, trigger: dict[str, Any], pointer: str, status: int
) -> None:
    for path, body in (("/jobs", {"name": "a", "type": "COMMAND", "parameters": COMMAND}), ("/jobs/preview", {})):
        problem = await api.refusal("POST", path, {**body, "trigger": trigger})
        assert (problem["status"], [error["pointer"] for error in problem["errors"]]) == (status, [pointer])


async def test_next_fires_and_previews_tell_what_happens_when_clocks_change(api: Api) -> None:
    trigger = {"type": "CRON", "expression": "30 2 * * *", "timeZone": "Europe/Berlin"}
    forward, back = (await api.post("/jobs/preview", {"trigger": trigger, "after": "2031-01-01T00:00:00Z"}))[
        "clockChanges"
    ]
    assert forward == {
        "zone": "Europe/Berlin",
        "at": "2031-03-30T01:00:00Z",
        "clocks": "FORWARD",
        "localFrom": "2031-03-30T02:00:00",
        "localTo": "2031-03-30T03:00:00",
        "effect": "SHIFTED",
        "localTimes": ["2031-03-30T02:30:00"],
        "hasMore": False,
        "fires": ["2031-03-30T01:00:00Z"],
        "note": "On 2031-03-30 clocks in Europe/Berlin are put forward from 02:00 to 03:00: "
        "02:30 does not exist and fires at 03:00 instead.",
    }
    assert (back["clocks"], back["effect"], back["fires"]) == ("BACK", "ONCE", ["2031-10-26T00:30:00Z"])
    await api.create_job(trigger=trigger)
    changes = (await api.get("/jobs/backup/next"))["clockChanges"]
    assert [change["effect"] for change in changes] in (["SHIFTED", "ONCE"], ["ONCE", "SHIFTED"])


async def test_a_preview_answers_from_the_time_given(api: Api) -> None:
    question = {"trigger": {"type": "CRON", "expression": "0 2 * * *", "timeZone": "Europe/Berlin"}, "count": 2}
    fires = (await api.post("/jobs/preview", {**question, "after": "2025-03-29T12:00:00+01:00"}))["fires"]
    assert [fire | {"windowEndsAt": None, "skipped": None} for fire in fires] == fires
    assert [(fire["nominalAt"], fire["plannedAt"]) for fire in fires] == [
        ("2025-03-30T01:00:00Z", "2025-03-30T01:00:00Z"),
        ("2025-03-31T00:00:00Z", "2025-03-31T00:00:00Z"),
    ]


@pytest.mark.parametrize(
    ("more", "pointer", "status"),
    [
        ({"count": 0}, "/count", 400),
        ({"count": 101}, "/count", 400),
        ({"after": "2025-03-29T12:00:00"}, "/after", 400),
        ({"after": "9999-03-29T12:00:00Z"}, "/after", 422),
        ({"before": "2025-03-29T12:00:00Z"}, "/before", 400),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    api: Api, more: dict[str, Any], pointer: str, status: int
) -> None:
    problem = await api.refusal("POST", "/jobs/preview", {"trigger": RATE, **more})
    assert (problem["status"], [error["pointer"] for error in problem["errors"]]) == (status, [pointer])


CLOSED = {"exclude": {"holidays": [{"country": "DE", "subdivision": "BY"}], "weekdays": ["SUN"]}}


async def test_a_calendar_is_kept_and_shown_and_what_it_takes_out_does_not_come(api: Api) -> None:
    trigger = {"type": "CRON", "expression": "0 9 * * *", "timeZone": "Europe/Berlin", "calendar": CLOSED}
    await api.create_job(trigger=trigger)
    shown = (await api.get("/jobs/backup"))["trigger"]["calendar"]
    assert shown["timeZone"] == "Europe/Berlin"
    assert shown["exclude"]["holidays"] == [{"country": "DE", "subdivision": "BY"}]
    preview = await api.post("/jobs/preview", {"trigger": trigger, "after": "2031-12-24T12:00:00Z"})
    assert preview["fires"][0]["nominalAt"] == "2031-12-27T08:00:00Z"


async def test_what_a_calendar_takes_out_is_in_the_ledger_once_with_its_reason(api: Api, container: Container) -> None:
    now = datetime.now(UTC)
    today = {"dates": [str((now + timedelta(days=n)).date()) for n in range(-1, 2)]}
    trigger = {"type": "CRON", "expression": "* * * * * *", "calendar": {"exclude": today}}
    job = await api.create_job(trigger=trigger)
    opens = at((await api.get("/jobs/backup"))["nextFireAt"])
    assert opens.date() == (now + timedelta(days=2)).date()

    async def entries() -> list[dict[str, Any]]:
        await tick(container)
        found: list[dict[str, Any]] = (await api.get(f"/jobs/{job['id']}/occurrences"))["items"]
        return found

    while not await entries():
        continue
    (entry,) = await entries()
    assert (entry["decision"], entry["count"]) == ("SKIPPED_CALENDAR", 500)
    assert entry["reason"].startswith("date ")
    await api.post(f"/jobs/{job['id']}/pause")
    await api.post(f"/jobs/{job['id']}/resume")
    assert [each["decision"] for each in await entries()] == ["SKIPPED_CALENDAR"]
    assert at((await api.get("/jobs/backup"))["nextFireAt"]) == opens


@pytest.mark.parametrize(
    ("calendar", "pointer", "code"),
    [
        ({"exclude": {}}, "/exclude", "MISSING"),
        ({"exclude": {"dates": ["2031-02-30"]}}, "/exclude/dates/0", "MALFORMED"),
        ({"exclude": {"weekdays": ["CATURDAY"]}}, "/exclude/weekdays/0", "MALFORMED"),
        ({"exclude": {"ranges": [{"from": "2031-02-01", "to": "2031-01-01"}]}}, "/exclude/ranges/0/to", "OUT_OF_ORDER"),
        ({"exclude": {"holidays": [{"country": "XX"}]}}, "/exclude/holidays/0/country", "UNKNOWN_HOLIDAYS"),
        ({"exclude": {"crons": ["0 25 * * *"]}}, "/exclude/crons/0", "OUT_OF_RANGE"),
        ({"exclude": {"crons": ["* * * * *"]}}, "", "EXCLUDES_EVERYTHING"),
        ({"timeZone": "Mars/Olympus", **CLOSED}, "/timeZone", "UNKNOWN_TIME_ZONE"),
    ],
)
async def test_a_calendar_that_cannot_be_is_refused_where_it_is_wrong(
    api: Api, calendar: dict[str, Any], pointer: str, code: str
) -> None:
    trigger = {"type": "CRON", "expression": "0 9 * * *", "calendar": calendar}
    refused = await api.refusal(
        "POST", "/jobs", {"name": "a", "type": "COMMAND", "parameters": COMMAND, "trigger": trigger}
    )
    (problem,) = refused["errors"]
    assert (problem["pointer"], problem["code"]) == (f"/trigger/calendar{pointer}", code)
