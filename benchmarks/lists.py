"""The newest 50 of 1,000,000 ended tasks, by each filter of the list: p99 of a call in milliseconds, on both stores."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.measuring import Figures, percentile
from benchmarks.platforms import NOOP, program, server, until_ready
from infrastructure.sql.migrations import upgrade
from tests.processes import free_port

TASKS = 1_000_000
CALLS = 200

FIRST = 1_800_000_000_000  # ms since 1970 of the oldest task; one task a second since
LISTS = {
    "no filter": "/tasks",
    "jobId": "/tasks?jobId=listed",
    "jobId, status": "/tasks?jobId=listed&status=FAILED",
    "status=COMPLETED": "/tasks?status=COMPLETED",
    "status=FAILED": "/tasks?status=FAILED",
    "status=RUNNING": "/tasks?status=RUNNING",
    "status=FAILED,TIMEOUT": "/tasks?status=FAILED,TIMEOUT",
    "/tasks/job/NAME": "/tasks/job/listed",
    "/tasks/status/FAILED": "/tasks/status/FAILED",
    "scheduled, an hour": "/tasks/scheduled?from=2027-01-20T00:00:00Z&to=2027-01-20T01:00:00Z",
}

_COLUMNS = (
    "id, job_id, job_name, job_version, run_id, origin, status, lane, rank, priority, max_attempts, scheduled_time,"
    " ready_at, created_at, ended_at, parameters"
)
_STATUS = "CASE n % 100 WHEN 0 THEN 'FAILED' ELSE 'COMPLETED' END"
POSTGRESQL = f"""
    INSERT INTO task_history ({_COLUMNS})
    SELECT id, job, 'listed', 1, id, 'SCHEDULE', {_STATUS}, 1, n, 5, 3, at, at, at, now(), '{{}}'
    FROM generate_series(1, {TASKS}) n,
    LATERAL (SELECT
        (lpad(to_hex({FIRST} + n * 1000), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid AS id,
        CASE n % 40 WHEN 0 THEN $1 ELSE md5((n % 40)::text)::uuid END AS job,
        to_timestamp({FIRST} / 1000 + n) AS at) x"""
PARTITIONED = "SELECT count(*) > 1 FROM pg_inherits WHERE inhparent = 'task_history'::regclass"
"""Whether the server has got the history ready for today: rows that come just then find no place."""
SQLITE = f"""
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {TASKS})
    INSERT INTO task_history ({_COLUMNS})
    SELECT printf('%012x70008000%012x', {FIRST} + n * 1000, n),
        CASE n % 40 WHEN 0 THEN ? ELSE printf('%032x', n % 40) END,
        'listed', 1, printf('%032x', n), 'SCHEDULE', {_STATUS}, 1, n, 5, 3, ({FIRST} + n * 1000) * 1000,
        ({FIRST} + n * 1000) * 1000, ({FIRST} + n * 1000) * 1000, {FIRST} * 1000, '{{}}' FROM numbers"""

JOB = {**NOOP, "name": "listed"}


def run(figures: Figures) -> None:
    with server() as served:
        [job] = served.apply(JOB)
        while not served.sql(PARTITIONED)[0][0]:
            time.sleep(0.1)
        served.sql(POSTGRESQL, job["jobId"])
        served.sql("VACUUM ANALYZE task_history")
        _measure(figures, "PostgreSQL", served.address)
    with tempfile.TemporaryDirectory(prefix="scheduler-bench-") as name:
        room, port = Path(name), free_port()
        url, address = f"sqlite:///{room}/lists.sqlite", f"http://127.0.0.1:{port}"
        upgrade(url)
        with program(room, "server", "--database-url", url, "--port", str(port)):
            until_ready(address)
            answer = httpx.post(f"{address}/api/v1/apply", json={"jobs": [JOB]}).raise_for_status()
            job_id = answer.json()["items"][0]["jobId"].replace("-", "")
            with sqlite3.connect(room / "lists.sqlite") as connection:
                connection.execute(SQLITE, (job_id,))
            connection.execute("ANALYZE")
            connection.close()
            _measure(figures, "SQLite", address)


def _measure(figures: Figures, store: str, address: str) -> None:
    with httpx.Client(base_url=f"{address}/api/v1", timeout=60) as client:
        for name, path in LISTS.items():
            times = []
            for _ in range(CALLS):
                begun = time.perf_counter()
                client.get(path).raise_for_status()
                times.append(1000 * (time.perf_counter() - begun))
            found = len(client.get(path).json()["items"])
            if name != "status=RUNNING" and found != 50:
                raise AssertionError(f"{found} tasks by {name}")
            figures.add(f"{store}: {name}, p99 ms", percentile(times, 0.99))
