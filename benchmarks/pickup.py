"""One task at a time at low load: request to submit → handler started, in milliseconds."""

from __future__ import annotations

import json
import time

import httpx

from benchmarks.measuring import Figures, percentile
from benchmarks.platforms import NOOP, noop_workers, server

TASKS = 200


def run(figures: Figures) -> None:
    with server() as served:
        [job] = served.apply({**NOOP, "name": "one"})
        submitted: dict[str, float] = {}
        with noop_workers(served, count=1, slots=10) as [note], httpx.Client(base_url=served.address) as client:
            for _ in range(TASKS):
                begin = time.time()
                answer = client.post("/api/v1/tasks", json={"jobId": job["jobId"]}).raise_for_status()
                submitted[answer.json()["id"]] = begin
                time.sleep(0.02)
        begun = dict(json.loads(line) for line in note.read_text().splitlines())
        waits = [1000 * (begun[task] - at) for task, at in submitted.items()][20:]
        figures.add("submit → handler started, p50 ms", percentile(waits, 0.5))
        figures.add("submit → handler started, p99 ms", percentile(waits, 0.99))
