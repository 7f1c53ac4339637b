"""40,000 waiting tasks, two worker processes: claimed, run and settled, in tasks a second."""

from __future__ import annotations

import json
import time

from benchmarks.measuring import Figures, memory_mb
from benchmarks.platforms import NOOP, noop_workers, queue_up, server

TASKS = 40_000


def run(figures: Figures) -> None:
    for slots in (200, 1000):
        with server() as served:
            [job] = served.apply({**NOOP, "name": "drained", "parameters": {"text": "x" * 180}})
            queue_up(served, job["jobId"], TASKS)
            with noop_workers(served, count=2, slots=slots) as notes:
                while served.sql("SELECT EXISTS (SELECT FROM tasks)")[0][0]:
                    time.sleep(0.1)
                figures.add("server memory, MB", memory_mb(served.process.pid))
            begun = [json.loads(line) for note in notes for line in note.read_text().splitlines()]
            ids = {task for task, _ in begun}
            if len(begun) != TASKS or len(ids) != TASKS:
                raise AssertionError(f"{len(begun)} starts of {len(ids)} tasks, of {TASKS}")
            [[seconds]] = served.sql("SELECT extract(epoch FROM max(ended_at) - min(claimed_at)) FROM task_history")
            figures.add(f"tasks/s, 2 workers × {slots} slots", TASKS / float(seconds))
