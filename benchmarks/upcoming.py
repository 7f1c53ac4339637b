"""What 1,000 jobs will do in 24 hours, with 20 runs of each in history: milliseconds of an answer."""

from __future__ import annotations

import time

import httpx

from benchmarks.measuring import Figures, percentile
from benchmarks.platforms import NOOP, server

JOBS = 1000
CALLS = 20
EXPRESSIONS = (
    "*/5 * * * *",
    "{n} * * * *",
    "{n} */2 * * *",
    "{n} 3 * * *",
    "30 2 * * *",
    "* * * * *",
    "{n} 8-17 * * 1-5",
)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")


def run(figures: Figures) -> None:
    with server() as served:
        served.apply(*(_job(n) for n in range(JOBS)))
        served.sql(_HISTORY)
        served.sql("ANALYZE")
        with httpx.Client(base_url=served.address, timeout=60) as client:
            for limit in (200, 2000):
                calls = [_call(client, limit) for _ in range(CALLS)]
                took = [milliseconds for milliseconds, _ in calls]
                figures.add(f"up to {limit} items, p50 ms", percentile(took, 0.5))
                figures.add(f"up to {limit} items, max ms", max(took))
                figures.add(f"up to {limit} items, fires told", calls[0][1])


def _call(client: httpx.Client, limit: int) -> tuple[float, int]:
    """How long an answer takes, and how many fires it tells."""
    begin = time.perf_counter()
    found = client.get("/api/v1/upcoming", params={"limit": limit}).raise_for_status().json()
    return 1000 * (time.perf_counter() - begin), sum(item["count"] for item in found["items"])


def _job(n: int) -> dict[str, object]:
    expression = EXPRESSIONS[n % len(EXPRESSIONS)].format(n=n % 60)
    trigger: dict[str, object] = {"type": "CRON", "expression": expression, "timeZone": ZONES[n % len(ZONES)]}
    if n % 3 == 0:
        trigger["jitter"] = "PT2M"
    return {**NOOP, "name": f"job-{n}", "trigger": trigger}


_HISTORY = """
    INSERT INTO task_history (id, tenant, job_id, job_name, job_version, run_id, origin, status, lane, rank, priority,
        max_attempts, scheduled_time, ready_at, created_at, parameters, started_at, ended_at)
    SELECT gen_random_uuid(), tenant, id, name, 1, gen_random_uuid(), 'SCHEDULE', 'COMPLETED', lane, 0, priority,
        1, now(), now(), now(), '{}', now() - n * interval '1 second', now()
    FROM jobs, generate_series(1, 20) AS n"""
