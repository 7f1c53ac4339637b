"""A short run of what `make simulate` does at length."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, which nothing measures: that would make a world five times as long."""
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    environment = {**unmeasured, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "sdk" / "python")])}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_no_world_breaks_a_promise_and_what_is_planted_is_found() -> None:
    ended = simulate("--short")
    assert ended.returncode == 0, ended.stderr
    assert "0 broke a promise" in ended.stderr


def test_the_same_seed_is_the_same_world_in_every_process() -> None:
    first, again = simulate("--seed", "6"), simulate("--seed", "6")
    assert first.returncode == 0, first.stderr
    assert "digest" in first.stderr
    assert first.stderr == again.stderr
