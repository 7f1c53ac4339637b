"""What all jobs will do, on the command line."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler

FIRE: dict[str, Any] = {
    "jobId": "j-1", "job": "nightly", "type": "COMMAND", "pool": "default", "nominalAt": "2027-03-28T01:00:00Z",
    "plannedAt": "2027-03-28T01:00:07Z", "localAt": "2027-03-28T03:00:07+02:00", "count": 1, "lastPlannedAt": None,
    "interval": None, "skipped": None, "skippedCount": 0, "projectedDurationSeconds": 12.34, "hasMore": False,
    "isEstimate": False,
}  # fmt: skip
MANY = FIRE | {
    "job": "busy", "count": 288, "lastPlannedAt": "2027-03-28T23:55:00Z", "interval": "PT5M", "skippedCount": 2,
    "projectedDurationSeconds": None, "hasMore": True, "isEstimate": True,
}  # fmt: skip
POOL = {"pool": "default", "slots": 2, "peak": 3, "peakAt": "2027-03-28T01:00:00Z", "bucket": "PT15M", "needed": [3]}
FOUND = {"items": [FIRE, MANY], "hasMore": True, "pools": [POOL], "unreadable": ["strange"]}


def test_fires_are_shown_in_the_local_zone_with_its_name_and_the_slots_they_need(run: Run, fake: FakeScheduler) -> None:
    skipped = FIRE | {"skipped": {"reason": "freeze", "by": "ann"}, "skippedCount": 1}
    fake.routes["GET /upcoming"] = lambda _: (200, FOUND | {"items": [FIRE, MANY, skipped]})
    shown = run("upcoming", "--tz", "Europe/Berlin", "--tag", "a,b", "--to", "2027-03-29T00:00:00Z")
    lines = [line.split(maxsplit=4) for line in shown.stdout.splitlines()]
    assert "FIRES (Europe/Berlin)" in shown.stdout
    assert lines[1] == ["2027-03-28T03:00:07+02:00", "nightly", "default", "12.3s"]
    assert lines[2][4] == "288 or more times until 2027-03-29T01:55:00+02:00, 2 of them skipped, estimated"
    assert lines[3][4] == "skipped by ann: freeze"
    assert shown.stdout.splitlines()[-1] == (
        "pool default: needs up to 3 slots at a time, around 2027-03-28T03:00:00+02:00; it has 2 - too few"
    )
    assert "there are more than these 50" in shown.stderr
    assert "strange: its definition cannot be used" in shown.stderr
    query = fake.requests[-1].query
    assert query == {"tz": "Europe/Berlin", "tag": "a,b", "to": "2027-03-29T00:00:00+00:00", "limit": "50"}


def test_programs_have_the_answer_as_it_is_and_nothing_is_said_to_be_nothing(run: Run, fake: FakeScheduler) -> None:
    fake.routes["GET /upcoming"] = lambda _: (200, FOUND)
    assert json.loads(run("upcoming", "-o", "json").stdout) == FOUND
    fake.routes["GET /upcoming"] = lambda _: (200, {"items": [], "hasMore": False, "pools": [], "unreadable": []})
    assert run("upcoming", "--job", "x").stdout == "no fires are planned\n"
