"""What a server costs that has nothing to do: per cent of one processor, with 0 and with 10,000 jobs, none due."""

from __future__ import annotations

import time

from benchmarks.measuring import Figures, cpu_seconds, memory_mb
from benchmarks.platforms import NOOP, copies_of, server

JOBS = 10_000
WINDOW = 20.0  # seconds


def run(figures: Figures) -> None:
    with server() as served:
        served.apply({**NOOP, "name": "yearly", "trigger": {"type": "CRON", "expression": "0 0 1 1 *"}})
        time.sleep(3)
        figures.add("idle, 1 job, % of a core", _cost(served.process.pid))
        copies_of(served, "yearly", JOBS)
        time.sleep(6)
        figures.add(f"idle, {JOBS} jobs, % of a core", _cost(served.process.pid))
        figures.add("server memory, MB", memory_mb(served.process.pid))


def _cost(pid: int) -> float:
    before = cpu_seconds(pid)
    time.sleep(WINDOW)
    return 100 * (cpu_seconds(pid) - before) / WINDOW
