"""Triggers that make no sense are refused where they are wrong, by a stable code, whatever is sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.rest.api import COMMAND, Api

WEEK = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
HUGE = 10**30
LONG = 10 * 1024


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    return sqlite_url  # what is refused never reaches the store


def cron(expression: str = "0 9 * * *", **more: Any) -> dict[str, Any]:
    return {"type": "CRON", "expression": expression, **more}


def rate(every: Any = "PT1H", **more: Any) -> dict[str, Any]:
    return {"type": "FIXED_RATE", "every": every, **more}


def excluding(**exclude: Any) -> dict[str, Any]:
    return {"calendar": {"exclude": exclude}}


def window(start: str | None, end: str | None) -> dict[str, Any]:
    return {"startAt": start, "endAt": end}


NEVER = "EXCLUDES_EVERYTHING"
BAD: list[tuple[dict[str, Any], str, str]] = [
    # an expression of 10 kB
    (cron("0," * (LONG // 2) + "0 9 * * *"), "/expression", "TOO_LONG"),
    (cron("*" * LONG), "/expression", "TOO_LONG"),
    (cron("9" * LONG + " 9 * * *"), "/expression", "TOO_LONG"),
    (cron("0 9 * * *" + " " * LONG), "/expression", "TOO_LONG"),
    (cron(",".join(str(n % 60) for n in range(LONG // 3)) + " 9 * * *"), "/expression", "TOO_LONG"),
    (cron(**excluding(crons=["0," * LONG + "0 9 * * *"])), "/calendar/exclude/crons/0", "TOO_LONG"),
    (cron(timeZone="E" * LONG), "/timeZone", "UNKNOWN_TIME_ZONE"),
    (cron("0 0 30 2 *"), "/expression", "NEVER_FIRES"),
    # counts
    *[(cron(maxExecutions=n), "/maxExecutions", "OUT_OF_RANGE") for n in (0, -1, 10**9 + 1, 2**63, HUGE)],
    *[(cron(maxExecutions=n), "/maxExecutions", "MALFORMED") for n in (1.5, "3", True)],
    (cron(**excluding(crons=["0 9 * * *"] * 51)), "/calendar/exclude/crons", "TOO_MANY"),
    (
        cron(**excluding(ranges=[{"from": "2031-01-01", "to": "2031-01-02"}] * 51)),
        "/calendar/exclude/ranges",
        "TOO_MANY",
    ),
    (cron(**excluding(dates=[f"{n:04}-01-01" for n in range(2000, 3001)])), "/calendar/exclude/dates", "TOO_MANY"),
    ({"type": "ANY_OF", "triggers": [cron()] * 5000}, "/triggers", "OUT_OF_RANGE"),
    # durations
    *[
        (rate(every), "/every", code)
        for every, code in (("PT0S", "OUT_OF_RANGE"), ("-PT1S", "SYNTAX"), (0, "MALFORMED"))
    ],
    *[(rate(every), "/every", "OUT_OF_RANGE") for every in ("PT0.09S", "P367D")],
    (rate("PT" + "9" * LONG + "H"), "/every", "TOO_LONG"),
    ({"type": "FIXED_DELAY", "delay": "0s"}, "/delay", "OUT_OF_RANGE"),
    (cron(jitter="-1s"), "/jitter", "SYNTAX"),
    (cron(jitter="PT" + "9" * 30 + "H"), "/jitter", "OUT_OF_RANGE"),
    # holidays of nowhere
    *[
        (cron(**excluding(holidays=[{"country": country}])), "/calendar/exclude/holidays/0/country", "UNKNOWN_HOLIDAYS")
        for country in ("XX", "de", "", "../DE", "__doc__", "HolidayBase", "D" * LONG)
    ],
    (
        cron(**excluding(holidays=[{"country": "DE", "subdivision": "QQ"}])),
        "/calendar/exclude/holidays/0/subdivision",
        "UNKNOWN_HOLIDAYS",
    ),
    # windows
    (cron(**window("2131-01-02T00:00:00Z", "2131-01-01T00:00:00Z")), "/endAt", "OUT_OF_ORDER"),
    (cron(**window("2131-01-01T00:00:00Z", "2131-01-01T00:00:00Z")), "/endAt", "OUT_OF_ORDER"),
    (cron(**window(None, "2001-01-01T00:00:00Z")), "/endAt", "IN_THE_PAST"),
    (rate(**window(None, "2001-01-01T00:00:00Z")), "/endAt", "IN_THE_PAST"),
    ({"type": "EVENT", "eventType": "a", **window(None, "2001-01-01T00:00:00Z")}, "/endAt", "IN_THE_PAST"),
    (cron(**window("2131-01-01T10:00:00Z", "2131-01-01T11:00:00Z")), "/endAt", "NEVER_FIRES"),
    (cron(**window("9999-12-31T23:59:59Z", None)), "/startAt", "NEVER_FIRES"),
    # a calendar that leaves nothing
    (cron(**excluding(weekdays=WEEK)), "/calendar/exclude/weekdays", NEVER),
    ({"type": "EVENT", "eventType": "a", **excluding(weekdays=WEEK)}, "/calendar/exclude/weekdays", NEVER),
    (cron(**excluding(crons=["* * * * *"])), "/calendar", NEVER),
    (cron(**excluding(crons=["0 9 * * *"])), "/calendar", NEVER),
    (cron("* * * * * *", **excluding(crons=["* 0-11 * * *", "* 12-23 * * *"])), "/calendar", NEVER),
    (cron("0 9 * * mon", **excluding(weekdays=["MON"])), "/calendar", NEVER),
    (cron("0 9 1 1 *", **excluding(holidays=[{"country": "DE"}])), "/calendar", NEVER),
    (cron("0 9 29 2 *", **excluding(crons=["* * 29 2 *"])), "/calendar", NEVER),
    (cron(**excluding(ranges=[{"from": "0001-01-01", "to": "9999-12-31"}])), "/calendar", NEVER),
    (rate(anchor="2031-01-01T00:00:00Z", **excluding(crons=["0 * * * *"])), "/calendar", NEVER),
    ({"type": "ONE_TIME", "at": "2131-01-01T00:00:00Z", **excluding(dates=["2131-01-01"])}, "/calendar", NEVER),
    (
        cron(
            **window("2131-01-01T00:00:00Z", "2131-01-31T00:00:00Z"),
            **excluding(ranges=[{"from": "2131-01-01", "to": "2131-01-31"}]),
        ),
        "/calendar",
        NEVER,
    ),
    (
        {"type": "ANY_OF", "triggers": [cron(**excluding(weekdays=WEEK)), rate()]},
        "/triggers/0/calendar/exclude/weekdays",
        NEVER,
    ),
]


async def test_what_makes_no_sense_is_refused_where_it_is_wrong(api: Api) -> None:
    for trigger, pointer, code in BAD:
        job = {"name": "a", "type": "COMMAND", "parameters": COMMAND, "trigger": trigger}
        problem = await api.refusal("POST", "/jobs", job)
        found = [(error["pointer"], error["code"]) for error in problem["errors"]]
        assert (problem["status"] in (400, 422), found) == (True, [(f"/trigger{pointer}", code)])
        assert problem["errors"][0]["detail"].endswith((".", "?")), "a sentence"
    assert (await api.get("/jobs"))["items"] == []


async def test_a_preview_of_it_is_refused_or_empty(api: Api) -> None:
    for trigger, pointer, code in BAD:
        answer = await api.call("POST", "/jobs/preview", {"trigger": trigger})
        if answer.status_code == 200:  # it has no times, which a preview may say
            assert code in (NEVER, "IN_THE_PAST", "NEVER_FIRES")
            assert answer.json()["fires"] == []
        else:
            assert answer.status_code in (400, 422)
            assert [error["pointer"] for error in answer.json()["errors"]] == [f"/trigger{pointer}"]


async def test_a_range_that_never_ends_ends_the_trigger(api: Api) -> None:
    closed = excluding(ranges=[{"from": "2131-01-01", "to": "9999-12-31"}])
    await api.create_job(trigger=cron(**closed))
    answer = await api.post("/jobs/preview", {"trigger": cron(**closed), "after": "2130-12-30T12:00:00Z"})
    assert [fire["nominalAt"] for fire in answer["fires"]] == ["2130-12-31T09:00:00Z"]


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        *[({"misfire": {"policy": "FIRE_ALL", "maxFires": n}}, "/misfire/maxFires") for n in (0, -1, HUGE)],
        *[({"retry": {"maxAttempts": n}}, "/retry/maxAttempts") for n in (0, -1, HUGE)],
        ({"retry": {"maxLost": HUGE}}, "/retry/maxLost"),
        ({"priority": HUGE}, "/priority"),
        ({"concurrency": {"limit": HUGE}, "overlap": "ALLOW"}, "/concurrency/limit"),
        ({"rateLimit": {"limit": HUGE, "per": "PT1S"}}, "/rateLimit/limit"),
        ({"timeouts": {"total": "PT0S"}}, "/timeouts/total"),
        ({"misfire": {"grace": "-1s"}}, "/misfire/grace"),
    ],
)
async def test_absurd_counts_of_a_job_are_refused(api: Api, more: dict[str, Any], pointer: str) -> None:
    problem = await api.refusal("POST", "/jobs", {"name": "a", "type": "COMMAND", "parameters": COMMAND, **more})
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
