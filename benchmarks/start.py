"""How long until `scheduler --help` is there and `scheduler dev` answers, in seconds."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import Figures, memory_mb
from benchmarks.platforms import ROOT, program, until_ready
from tests.processes import free_port


def run(figures: Figures) -> None:
    begin = time.perf_counter()
    subprocess.run([Path(sys.executable).with_name("scheduler"), "--help"], check=True, cwd=ROOT, capture_output=True)
    figures.add("scheduler --help, s", time.perf_counter() - begin)
    with tempfile.TemporaryDirectory(prefix="scheduler-bench-") as room:
        port = free_port()
        begin = time.perf_counter()
        with program(Path(room), "dev", "--data-dir", f"{room}/data", "--port", str(port)) as process:
            until_ready(f"http://127.0.0.1:{port}")
            figures.add("scheduler dev ready, s", time.perf_counter() - begin)
            time.sleep(1)
            figures.add("scheduler dev memory, MB", memory_mb(process.pid))
