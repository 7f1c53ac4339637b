"""`make simulate ARGS="--minutes 10"`: so many worlds as fit, then every planted bug. A world that breaks a promise is
told by its seed: `make simulate ARGS="--seed 7"` is that world again.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence

from infrastructure.time_zones import pin_time_zones
from tests.invariants.checking import Verdict, table
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.world import Outcome, run

BUDGET = 60
"""Worlds within which each planted bug has to be found."""

SHORT, SHORT_BUDGET = 3, 20
"""The worlds of a short run, and within how many it has to find what is found soon, which is mostly in the first."""

NOT_SIMULATED = frozenset({"I16", "I20", "I22"})
"""Dependencies, locks, and requests that are repeated under a key: none is in the store of the simulation."""

ENOUGH = 30
"""Among so many worlds there is a case of everything else."""


def main() -> int:
    """0 if no world breaks a promise and every planted bug is found."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="only this world")
    parser.add_argument("--first", type=int, default=secrets.randbelow(1_000_000_000), help="of the seeds")
    parser.add_argument("--minutes", type=float, default=3.0, help="of worlds")
    parser.add_argument("--short", action="store_true", help="a few worlds, always the same, and what they find soon")
    chosen = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a world
        again = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, "PYTHONHASHSEED": "0"})
    pin_time_zones()
    if chosen.seed is not None:
        return _one(chosen.seed)
    if chosen.short:
        good = _worlds(1, lambda done, _seconds: done < SHORT)
        return 0 if _mutants([m for m in MUTANTS if m.shows_soon], 1, SHORT_BUDGET) and good else 1
    good = _worlds(chosen.first, lambda _done, seconds: seconds < chosen.minutes * 60)
    return 0 if _mutants(MUTANTS, chosen.first, BUDGET) and good else 1


def _one(seed: int) -> int:
    outcome = run(seed)
    say(str(outcome.trouble))
    say(table(outcome.verdicts))
    for violation in outcome.violations:
        say(f"  {violation}")
    say(f"seed {seed}: {outcome.commits} commits, {outcome.seconds:.0f} s of its time, digest {outcome.digest}")
    return 1 if outcome.violations else 0


def _worlds(first: int, go_on: Callable[[int, float], bool]) -> bool:
    """Whether all is well in them, and there was a case of everything."""
    began, outcomes, bad = time.monotonic(), list[Outcome](), 0
    while go_on(len(outcomes), time.monotonic() - began):
        outcome = run(first + len(outcomes))
        outcomes.append(outcome)
        if outcome.violations:
            bad += 1
            say(f"seed {outcome.seed} breaks a promise:")
            for violation in outcome.violations[:5]:
                say(f"  {violation}")
    took = time.monotonic() - began
    summed = _summed(outcomes)
    say(table(summed))
    hours = sum(outcome.seconds for outcome in outcomes) / 3600
    say(
        f"{len(outcomes)} worlds from seed {first} in {took:.0f} s, {60 * len(outcomes) / took:.0f} a minute: "
        f"{hours:.1f} hours of their time, {sum(outcome.commits for outcome in outcomes)} commits, "
        f"{sum(outcome.checks for outcome in outcomes)} checks; {bad} broke a promise"
    )
    unseen = {verdict.id for verdict in summed if not verdict.cases} - NOT_SIMULATED
    return not bad and (len(outcomes) < ENOUGH or not unseen)


def _summed(outcomes: list[Outcome]) -> list[Verdict]:
    """Of all worlds; what was violated has been told already."""
    sums: dict[str, Verdict] = {}
    for verdict in (verdict for outcome in outcomes for verdict in outcome.verdicts):
        before = sums.get(verdict.id)
        cases = verdict.cases + (before.cases if before else 0)
        sums[verdict.id] = Verdict(id=verdict.id, says=verdict.says, cases=cases, violations=())
    return list(sums.values())


def _mutants(mutants: Sequence[Mutant], first: int, budget: int) -> bool:
    """Whether each is found in so many worlds."""
    survived = 0
    for mutant in mutants:
        told = f"NOT FOUND in {budget} worlds"
        with mutant.planted():
            for number in range(budget):
                if violations := run(first + number).violations:
                    told = f"found in world {number + 1} by {violations[0].partition(':')[0]}"
                    break
            else:
                survived += 1
        say(f"planted: {mutant.says}: {told}")
    say(f"{len(mutants) - survived} of {len(mutants)} planted bugs found")
    return not survived


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    raise SystemExit(main())
