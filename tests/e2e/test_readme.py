"""The README's first five minutes, as it is written there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.programs import PATIENCE, platform

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_walk_through_works_as_written(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    found = re.search(r"<!-- walk-through: .*?-->\n```sh\n(.*?)```", text, re.DOTALL)
    assert found, "the README has no walk-through"
    with platform(tmp_path / "platform") as (_, address):
        (tmp_path / ".venv").mkdir()
        (tmp_path / ".venv/bin").symlink_to(Path(sys.executable).parent)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", found[1]],
            cwd=tmp_path,
            env={**os.environ, "SCHEDULER_URL": address},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "good morning from greet" in done.stdout
        assert "COMPLETED" in done.stdout
        assert "Europe/Paris" in done.stdout or "Europe/Berlin" in done.stdout
