"""Results that came too late, from the command line."""

from __future__ import annotations

import json

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler

ORPHAN = {
    "token": 7,
    "executorId": "worker-1",
    "reportedAt": "2027-01-31T07:00:00Z",
    "status": "FAILED",
    "result": None,
    "error": {"code": "DISK_FULL", "message": "no space", "stack": None, "fingerprint": "f"},
}


def test_what_was_reported_too_late_is_listed(run: Run, fake: FakeScheduler) -> None:
    fake.routes["GET /tasks/t-1/orphans"] = lambda _: (200, {"items": [ORPHAN], "nextCursor": None})
    told = run("tasks", "orphans", "t-1").stdout
    for words in ("TOKEN", "7", "worker-1", "FAILED", "DISK_FULL"):
        assert words in told
    assert json.loads(run("tasks", "orphans", "t-1", "-o", "json").stdout)["items"] == [ORPHAN]
    assert run("tasks", "orphans", "t-1", "-o", "name").stdout == "7\n"
