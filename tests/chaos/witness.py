"""What executors do, and what they write down about it in files of their own, which the platform cannot touch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

HANDLER = "chaos.work"
PLANNED = "PLANNED"
"""The code of a failure that was asked for."""


class Witness:
    """One line a fact, written by one call: whatever kills the process leaves whole lines."""

    def __init__(self, file: Path, executor: str) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._executor = executor

    def began(self, task: str, token: int) -> None:
        self._write(fact="BEGAN", task=task, token=token)

    def ended(self, token: int, how: str) -> None:
        self._write(fact="ENDED", token=token, how=how)

    def lied(self, kind: str, outcome: str) -> None:
        self._write(fact="LIED", kind=kind, outcome=outcome)

    def _write(self, **facts: object) -> None:
        line = json.dumps({"at": datetime.now(UTC).isoformat(), "executor": self._executor, **facts})
        os.write(self._descriptor, line.encode() + b"\n")


def read(file: Path) -> Iterator[dict[str, Any]]:
    """All lines of a file, oldest first."""
    if file.exists():
        for line in file.read_text().splitlines():
            yield json.loads(line)


def fate(task: str, attempt: int, low: float, high: float, failing: float) -> tuple[float, bool]:
    """How many seconds an attempt takes, and whether it fails: the same wherever it runs."""
    dice = Random(f"{task}:{attempt}")
    return dice.uniform(low, high), dice.random() < failing
