"""A chain of runs with a fixed delay outlives whatever ends a run: failure, loss, cancellation, a killed server."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.programs import client, eventually, server, worker

QUICK = {
    "PLATFORM_SCHEDULER_EXECUTOR_HEARTBEAT_INTERVAL_SECONDS": "1",
    "PLATFORM_SCHEDULER_EXECUTOR_TIMEOUT_SECONDS": "3",
}
DELAY = timedelta(milliseconds=200)


class Chain:
    """The runs of the job, and a file that tells them what to do."""

    def __init__(self, room: Path) -> None:
        self.mode = room / "mode"
        self.address = ""

    def job(self) -> dict[str, Any]:
        begun = f"{self.mode}-$SCHEDULER_TASK_ID"
        command = f"case $(cat {self.mode}) in fail) exit 3;; hang) touch {begun}; exec sleep 600;; esac"
        return {
            "name": "chain",
            "type": "COMMAND",
            "active": True,
            "parameters": {"command": command},
            "trigger": {"type": "FIXED_DELAY", "delay": "PT0.2S"},
            "retry": {"maxAttempts": 1, "maxLost": 0},
        }

    def runs(self) -> list[dict[str, Any]]:
        """All of them, oldest first."""
        answer = httpx.get(f"{self.address}/api/v1/tasks", params={"jobId": "chain", "limit": 200}).raise_for_status()
        found: list[dict[str, Any]] = answer.json()["items"]
        return sorted(found, key=lambda task: str(task["nominalAt"]))

    def one(self, status: str) -> dict[str, Any]:
        """A run with this status."""
        return eventually(lambda: next((r for r in self.runs() if r["status"] == status), None), f"a run {status}")

    def hangs(self) -> dict[str, Any]:
        """The run that hangs, from the moment that it does."""
        self.mode.write_text("hang")
        return eventually(lambda: next((r for r in self.runs() if self._hangs(r)), None), "a run that hangs")

    def _hangs(self, run: dict[str, Any]) -> bool:
        return run["status"] == "RUNNING" and self.mode.with_name(f"mode-{run['id']}").exists()

    def goes_on(self, why: str) -> None:
        """Two more runs complete."""
        self.mode.write_text("ok")
        known = len(self.runs())
        eventually(lambda: [r["status"] for r in self.runs()[known:]].count("COMPLETED") >= 2, f"two more runs {why}")


@pytest.mark.slow
def test_the_chain_goes_on_whatever_ends_a_run(postgres_url: str, tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    chain.mode.write_text("ok")
    with server(tmp_path / "server", postgres_url, **QUICK) as (first, chain.address), client(chain.address) as api:
        api.apply([chain.job()])
        with worker(tmp_path / "doomed", chain.address, "--id", "doomed") as doomed:
            chain.goes_on("at all")
            chain.mode.write_text("fail")
            assert chain.one("FAILED")["error"]["code"] == "EXIT_CODE"
            chain.goes_on("after a failed one")
            lost = chain.hangs()
            doomed.kill()
        eventually(lambda: api.task(lost["id"])["status"] == "FAILED", "the run is lost for good")
        assert (api.task(lost["id"])["error"] or {})["code"] == "EXECUTOR_LOST"

        waiting = chain.one("PENDING")
        api.cancel(waiting["id"])
        following = chain.one("PENDING")
        assert following["id"] != waiting["id"]

        with worker(tmp_path / "worker", chain.address, "--id", "worker") as second:
            chain.goes_on("after a lost one and one that was cancelled before it began")
            api.cancel(chain.hangs()["id"])
            chain.goes_on("after one that was cancelled while it ran")
            chain.hangs()
            first.kill()
            second.kill()

    chain.mode.write_text("ok")
    with server(tmp_path / "again", postgres_url, **QUICK) as (_, chain.address):
        with worker(tmp_path / "last", chain.address, "--id", "last"):
            chain.goes_on("after the server was killed")
        check(chain.runs())


def check(runs: list[dict[str, Any]]) -> None:
    """One at a time, each the delay after the end of the one before; a run that had to be stopped ended later."""
    assert {run["status"] for run in runs} >= {"COMPLETED", "FAILED", "CANCELLED"}
    for earlier, later in pairwise(runs):
        due = datetime.fromisoformat(earlier["endedAt"]) + DELAY
        nominal = datetime.fromisoformat(later["nominalAt"])
        had_to_stop = earlier["status"] == "CANCELLED" and earlier["startedAt"] is not None
        assert nominal >= due if had_to_stop else nominal == due, (earlier, later)
