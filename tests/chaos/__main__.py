"""`make chaos ARGS="--seed 7 --minutes 10"`: a run of that length, and the table of invariants."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from pathlib import Path
from tempfile import mkdtemp

from tests.chaos.plan import plan
from tests.chaos.run import run
from tests.invariants.checking import table
from tests.processes import scratch


def main() -> int:
    """0 if every invariant holds."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="what happens; else one by chance")
    parser.add_argument("--minutes", type=float, default=1.0, help="of faults")
    parser.add_argument("--plan", action="store_true", help="only show what would happen")
    parser.add_argument("--keep", type=Path, help="in which directory logs and witnesses are to stay")
    chosen = parser.parse_args()
    say(f"seed {chosen.seed}, {chosen.minutes:g} min of faults")
    if chosen.plan:
        say("\n".join(map(str, plan(chosen.seed, chosen.minutes * 60))))
        return 0
    with scratch("chaos") as room:
        if chosen.keep is not None:
            chosen.keep.mkdir(parents=True, exist_ok=True)
            room = Path(mkdtemp(prefix=f"seed-{chosen.seed}-", dir=chosen.keep))
            say(f"logs and witnesses in {room}")
        verdicts = asyncio.run(run(room, chosen.seed, chosen.minutes * 60, say))
    say(table(verdicts))
    return 1 if any(verdict.violations for verdict in verdicts) else 0


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    raise SystemExit(main())
