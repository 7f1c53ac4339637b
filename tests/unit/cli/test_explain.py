"""Why, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from domain.scheduling.explanation import Why, WhyNot
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler

ANSWER = {
    "at": "2027-01-31T07:00:00Z",
    "reasons": [
        {
            "code": "RATE_LIMITED",
            "detail": "The rate of the key 'api' is used up.",
            "fix": "Raise it.",
            "until": "2027-01-31T08:00:00Z",
            "facts": {"key": "api"},
        },
        {"code": "NO_EXECUTOR", "detail": "No executor\nis registered.", "fix": None, "until": None, "facts": {}},
    ],
    "earliestStartAt": None,
}


def test_the_reasons_are_told_with_what_mends_them(run: Run, fake: FakeScheduler) -> None:
    fake.routes["GET /tasks/t-1/explain"] = lambda _: (200, ANSWER)
    assert run("tasks", "explain", "t-1").stdout == (
        "RATE_LIMITED: The rate of the key 'api' is used up.\n"
        "  Raise it.\n"
        "  until 2027-01-31T08:00:00Z\n"
        "NO_EXECUTOR: No executor is registered.\n"
    )
    assert run("tasks", "explain", "t-1", "-o", "name").stdout == "RATE_LIMITED\nNO_EXECUTOR\n"
    assert json.loads(run("tasks", "explain", "t-1", "-o", "json").stdout) == ANSWER


def test_a_job_is_explained_at_a_time(run: Run, fake: FakeScheduler) -> None:
    planned = ANSWER | {"reasons": [], "earliestStartAt": "2027-01-31T08:00:00Z"}
    fake.routes["GET /jobs/nightly/explain"] = lambda _: (200, planned)
    told = run("jobs", "explain", "nightly", "--at", "2027-01-31T09:00:00+01:00").stdout
    assert told == "It can start at 2027-01-31T08:00:00Z.\n"
    assert fake.requests[-1].query == {"at": "2027-01-31T09:00:00+01:00"}


def test_the_page_knows_every_reason() -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "why-is-it-not-running.md").read_text()
    assert [code for code in (*Why, *WhyNot) if f"`{code}`" not in page] == []
