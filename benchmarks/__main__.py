"""`python -m benchmarks [scenario …]`: runs them, prints a table each, writes one JSON file each."""

from __future__ import annotations

import json
import platform
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks import (
    cluster,
    dag,
    downtime,
    drain,
    herd,
    idle,
    lists,
    nodes,
    pickup,
    planning,
    sdk,
    start,
    upcoming,
    waiting,
)
from benchmarks.measuring import Figures, quiet

SCENARIOS = {
    module.__name__.rpartition(".")[2]: (module.run, module.__doc__)
    for module in (
        cluster,
        nodes,
        start,
        idle,
        herd,
        planning,
        downtime,
        pickup,
        drain,
        dag,
        waiting,
        lists,
        sdk,
        upcoming,
    )
}
REPETITIONS = 3
RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(SCENARIOS))
    if unknown:
        print(f"No scenario {', '.join(unknown)}. There are: {', '.join(SCENARIOS)}.")
        return 2
    RESULTS.mkdir(exist_ok=True)
    for name in names or SCENARIOS:
        run, title = SCENARIOS[name]
        print(f"\n{name}: {title}")
        figures = Figures()
        for _ in range(REPETITIONS):
            quiet()
            run(figures)
        print(figures.table())
        (RESULTS / f"{name}.json").write_text(
            json.dumps(
                {
                    "scenario": name,
                    "at": datetime.now(UTC).isoformat(),
                    "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
                    "python": platform.python_version(),
                    "versions": {p: metadata.version(p) for p in ("platform-scheduler", "litestar", "asyncpg")},
                    "repetitions": figures.all,
                },
                indent=2,
            )
            + "\n"
        )
    return 0


sys.exit(main(sys.argv[1:]))
