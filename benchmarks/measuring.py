"""Figures over several repetitions, and waiting for a machine that is not busy with something else."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from tabulate import tabulate

LONGEST_WAIT = 60.0  # seconds; then it measures all the same, and the spread shows it
BUSY = 0.25  # of all processors


class Figures:
    """Every repetition's value of each figure."""

    def __init__(self) -> None:
        self.all: dict[str, list[float]] = {}

    def add(self, name: str, value: float) -> None:
        self.all.setdefault(name, []).append(value)

    def table(self) -> str:
        rows = [(name, min(v), median(v), max(v), len(v)) for name, v in self.all.items()]
        return tabulate(rows, headers=["figure", "min", "median", "max", "n"], floatfmt=".4g")


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def cpu_seconds(pid: int) -> float:
    """What a process and its reaped children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def quiet() -> None:
    """Wait until the processors have been mostly idle for a second, or for a minute."""
    deadline = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < deadline:
        busy, total = _busy()
        time.sleep(1)
        busy_after, total_after = _busy()
        if busy_after - busy < BUSY * (total_after - total):
            return
    print(f"  (the machine stayed busy for {LONGEST_WAIT:.0f} s; measuring all the same)")


def _busy() -> tuple[int, int]:
    fields = [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)
