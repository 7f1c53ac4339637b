"""Whatever is sent, the API answers as its description says: never with a failure, never with what is not listed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.programs import server

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


PHASES = {"sqlite": "fuzzing", "postgresql": "coverage,fuzzing"}
"""Every value at the edge of what is allowed once, and random ones in both: the texts that stores refuse differ."""

PARTS = (("Jobs",), ("Tasks",), ("Executors", "Cluster", "Locks"))
"""Tags of the description that are asked together: thousands of questions are shared out between test processes."""

THE_REST = tuple(f"--exclude-tag={tag}" for part in PARTS for tag in part)


@pytest.mark.slow
@pytest.mark.parametrize(
    "operations",
    [*(tuple(f"--include-tag={tag}" for tag in part) for part in PARTS), THE_REST],
    ids=["jobs", "tasks", "cluster", "the rest"],
)
def test_schemathesis_finds_nothing(store_url: str, operations: tuple[str, ...], tmp_path: Path) -> None:
    with server(tmp_path / "server", store_url) as (program, address):
        command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIGURATION), "run"]
        phases = PHASES[store_url.partition("+")[0].partition(":")[0]]
        options = ["--phases", phases, "--max-examples", "5", "--seed", "1", "--no-color", *operations]
        report = subprocess.run(
            [*command, f"{address}/openapi.json", *options],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert report.returncode == 0, report.stdout[-20_000:] + report.stderr
        assert "Traceback" not in program.output
