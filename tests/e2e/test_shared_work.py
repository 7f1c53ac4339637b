"""Two workers share a thousand tasks; one is killed in the middle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.programs import client, eventually, server, worker

TASKS = 1000
QUICK = {
    "PLATFORM_SCHEDULER_EXECUTOR_HEARTBEAT_INTERVAL_SECONDS": "1",
    "PLATFORM_SCHEDULER_EXECUTOR_TIMEOUT_SECONDS": "3",
}


@pytest.mark.slow
def test_every_task_completes_and_none_runs_twice_without_a_recorded_lost_attempt(
    postgres_url: str, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    job = {
        "name": "leave-a-mark",
        "type": "COMMAND",
        "active": True,
        # Each start of a task appends its attempt to a file of its own: a witness that the platform cannot touch.
        "parameters": {"command": f'echo "$SCHEDULER_ATTEMPT" >> {marks}/$SCHEDULER_TASK_ID; sleep 0.05'},
        "overlap": "ALLOW",
    }
    with server(tmp_path / "server", postgres_url, **QUICK) as (_, address), client(address) as api:
        [applied] = api.apply([job])
        job_id = applied["jobId"]
        submit(address, job_id)
        with worker(tmp_path / "doomed", address, "--id", "doomed", "--slots", "20") as doomed:
            with worker(tmp_path / "survivor", address, "--id", "survivor", "--slots", "20"):
                eventually(lambda: len(list(marks.iterdir())) > TASKS // 10, "a tenth of the tasks begun")
                doomed.kill()
                eventually(lambda: not unfinished(address, job_id), "every task ended")

        tasks = list(api.tasks(job=job_id))
        assert len(tasks) == TASKS
        assert {task["status"] for task in tasks} == {"COMPLETED"}
        lost = 0
        for task in tasks:
            starts = (marks / task["id"]).read_text().split()
            attempts = api.attempts(task["id"])
            assert [a["attempt"] for a in attempts] == list(range(1, len(attempts) + 1))
            assert len(starts) == len(set(starts)), "an attempt ran twice"
            ended_with_executor = [a for a in attempts[:-1] if (a["error"] or {}).get("code") == "EXECUTOR_LOST"]
            assert len(starts) <= 1 + len(ended_with_executor)
            lost += len(ended_with_executor)
        assert lost > 0, "the killed worker held nothing: the test proved nothing"


def unfinished(address: str, job_id: str) -> bool:
    """Whether a task of the job has not ended yet."""
    live = "BLOCKED,PENDING,ASSIGNED,RUNNING,WAITING_RETRY"
    answer = httpx.get(f"{address}/api/v1/tasks", params={"jobId": job_id, "status": live, "limit": 1})
    return bool(answer.raise_for_status().json()["items"])


def submit(address: str, job_id: str) -> None:
    """Ask for the tasks, eight at a time."""
    with httpx.Client(base_url=f"{address}/api/v1") as api, ThreadPoolExecutor(8) as threads:
        for answer in threads.map(lambda _: api.post("/tasks", json={"jobId": job_id}), range(TASKS)):
            answer.raise_for_status()
