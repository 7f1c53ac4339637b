"""What failed alike, from the command line."""

from __future__ import annotations

import json

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler

GROUP = {
    "fingerprint": "0123456789abcdef",
    "code": "DISK_FULL",
    "message": "no space\nleft",
    "count": 7,
    "jobs": [{"name": name, "count": 1} for name in ("a", "b", "c", "d")],
    "jobCount": 5,
    "firstAt": "2027-01-31T07:00:00Z",
    "lastAt": "2027-01-31T08:00:00Z",
    "lastTaskId": "t-1",
}


def test_failures_that_are_alike_are_one_line(run: Run, fake: FakeScheduler) -> None:
    fake.routes["GET /failures/groups"] = lambda _: (200, {"items": [GROUP]})
    told = run("failures", "list", "--job", "backup", "--since", "2027-01-31T00:00:00+01:00").stdout
    assert told.split("\n")[1].split() == [
        *("0123456789abcdef", "7", "2027-01-31T08:00:00Z", "DISK_FULL", "a,", "b,", "c", "and", "2", "more"),
        *("no", "space", "left"),
    ]
    assert fake.requests[-1].query == {"jobId": "backup", "since": "2027-01-31T00:00:00+01:00"}
    assert run("failures", "list", "-o", "name").stdout == "0123456789abcdef\n"


def test_they_are_counted_before_they_are_tried_again(run: Run, fake: FakeScheduler) -> None:
    fake.routes["POST /failures/redrive"] = lambda _: (200, {"count": 7, "lastReadyAt": None, "dryRun": True})
    assert run("failures", "redrive", "0123456789abcdef").stdout == (
        "7 tasks would be tried again; do it: --expect 7\n"
    )
    assert (fake.requests[-1].query, fake.requests[-1].body) == (
        {"dryRun": "true"},
        {"fingerprint": "0123456789abcdef"},
    )


def test_they_are_tried_again_at_a_pace(run: Run, fake: FakeScheduler) -> None:
    answer = {"count": 7, "lastReadyAt": "2027-01-31T08:00:00Z", "dryRun": False}
    fake.routes["POST /failures/redrive"] = lambda _: (200, answer)
    wish = ("failures", "redrive", "0123456789abcdef", "--expect", "7", "--rate", "2", "--reason", "repaired")
    assert run(*wish).stdout == "7 tasks are tried again, the last at 2027-01-31T08:00:00Z\n"
    assert fake.requests[-1].body == {
        "fingerprint": "0123456789abcdef",
        "expectedCount": 7,
        "ratePerSecond": 2.0,
        "reason": "repaired",
    }
    assert json.loads(run(*wish, "-o", "json").stdout) == answer
