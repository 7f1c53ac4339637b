"""A seed says what happens, every time alike."""

from __future__ import annotations

import pytest

from tests.chaos.plan import TO_RECOVER, Kind, plan, targets_of

SEEDS = range(20)


def test_a_seed_makes_the_same_plan_every_time_and_another_one_another() -> None:
    assert plan(7, 60) == plan(7, 60)
    assert len({tuple(plan(seed, 60)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_happens_that_may_happen(seed: int) -> None:
    assert {step.kind for step in plan(seed, 60)} == set(Kind)


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_is_hit_again_before_it_could_recover(seed: int) -> None:
    free: dict[str, float] = {}
    for step in plan(seed, 120):
        assert step.target in targets_of(step.kind)
        assert step.at >= free.get(step.target, 0.0)
        free[step.target] = step.at + step.lasts + TO_RECOVER - 0.01
