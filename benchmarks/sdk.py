"""What a worker spends on an async task that does nothing: claim, decode, call, report; microseconds of CPU."""

from __future__ import annotations

import time

from benchmarks.measuring import Figures
from benchmarks.platforms import NOOP, noop_workers, server

TASKS = 20_000
SLOTS = 100


def run(figures: Figures) -> None:
    with server() as served:
        [job] = served.apply({**NOOP, "name": "drained"})
        served.sql(
            f"""INSERT INTO tasks (id, job_id, job_name, job_version, run_id, origin, status, lane, rank, priority,
                                   max_attempts, scheduled_time, ready_at, created_at, parameters)
                SELECT gen_random_uuid(), id, name, 1, gen_random_uuid(), 'DIRECT', 'PENDING', lane, n, 5,
                       max_attempts, now(), now(), now(), parameters
                FROM jobs, generate_series(1, {TASKS}) AS n WHERE id = $1""",
            job["jobId"],
        )
        served.sql("ANALYZE")
        with noop_workers(served, count=1, slots=SLOTS) as notes:
            while served.sql("SELECT EXISTS (SELECT FROM tasks)")[0][0]:
                time.sleep(0.1)
        (note,) = notes
        figures.add(f"CPU per task, {SLOTS} slots, µs", 1e6 * float(note.with_suffix(".cpu").read_text()))
