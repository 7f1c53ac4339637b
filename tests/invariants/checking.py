"""How an invariant is judged: how many cases were looked at, and which broke it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tests.invariants.history import History

SHOWN = 5
"""Violations of one invariant that are told in full."""


@dataclass
class Cases:
    """Collects what a check has seen."""

    count: int = 0
    violations: list[str] = field(default_factory=list)
    note: str = ""

    def check(self, holds: bool, told: str) -> None:
        """One case; `told` says what is wrong if it does not hold."""
        self.count += 1
        if not holds:
            self.violations.append(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """`id` is its number in the list of invariants; `says` is the promise in a sentence."""

    id: str
    says: str
    judge: Callable[[History], Cases]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came out of an invariant for one history."""

    id: str
    says: str
    cases: int
    violations: Sequence[str]
    note: str = ""

    @property
    def word(self) -> str:
        if self.violations:
            return "VIOLATED"
        return "holds" if self.cases else "not seen"


def judge(history: History, invariants: Iterable[Invariant]) -> list[Verdict]:
    """A verdict for each."""
    found = []
    for each in invariants:
        cases = each.judge(history)
        found.append(
            Verdict(id=each.id, says=each.says, cases=cases.count, violations=cases.violations, note=cases.note)
        )
    return found


def table(verdicts: Sequence[Verdict]) -> str:
    """Invariant, what was checked, how many cases, verdict; under it what is wrong."""
    width = max(len(verdict.says) for verdict in verdicts)
    lines = [f"{'':5} {'what was checked':{width}} {'cases':>7}  verdict"]
    for verdict in verdicts:
        noted = f"  ({verdict.note})" if verdict.note else ""
        lines.append(f"{verdict.id:5} {verdict.says:{width}} {verdict.cases:>7}  {verdict.word}{noted}")
    for verdict in verdicts:
        lines += [f"{verdict.id}: {told}" for told in verdict.violations[:SHOWN]]
        if (more := len(verdict.violations) - SHOWN) > 0:
            lines.append(f"{verdict.id}: and {more} more")
    return "\n".join(lines)
