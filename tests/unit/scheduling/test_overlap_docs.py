"""The table of overlap policies in the docs says what the code decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from domain.scheduling.firing import decide
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from tests.builders import MINUTE, NOON, every, schedule

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "overlap.md"

Decide = Callable[[OverlapPolicy], Sequence[str]]


def decided(policy: OverlapPolicy, *, live: int = 0, waiting: int = 0, due: int = 1) -> list[str]:
    firing = FiringPolicy(overlap=policy, misfire=Misfire(policy=MisfirePolicy.FIRE_ALL))
    known = schedule(every(MINUTE, 9, NOON), policy=firing, live=live, waiting=waiting)
    return [fire.decision for fire in decide(known, NOON + (due - 1) * MINUTE).decisions]


SITUATIONS: dict[str, Decide] = {
    "nothing unfinished": decided,
    "one runs": lambda policy: decided(policy, live=1),
    "one waits for its retry": lambda policy: decided(policy, live=1),
    "one runs, one waits for its turn": lambda policy: decided(policy, live=2, waiting=1),
    "three due at once, nothing unfinished": lambda policy: decided(policy, due=3),
}


def table() -> dict[str, dict[str, list[str]]]:
    """Of each policy what the page says for each situation."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    heads = next(line for line in PAGE.read_text().splitlines() if line.startswith("| `overlap` |"))
    situations = [cell.strip() for cell in heads.strip("| ").split("|")][1:]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines if line != heads]
    return {
        row[0].split("`")[1]: {s: cell.split(", ") for s, cell in zip(situations, row[1:], strict=True)} for row in rows
    }


@pytest.mark.parametrize("policy", OverlapPolicy)
def test_the_page_says_what_is_decided(policy: OverlapPolicy) -> None:
    told = table()
    assert list(told) == [str(each) for each in OverlapPolicy]
    assert told[policy] == {situation: decide_in(policy) for situation, decide_in in SITUATIONS.items()}
