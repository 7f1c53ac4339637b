"""The pages of the reference that are made from the code are those of this code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_what_is_committed_is_what_the_code_says() -> None:
    # In a process of its own: here the tests' own kinds of errors are known, too.
    command = [sys.executable, "-m", "scripts.reference", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
