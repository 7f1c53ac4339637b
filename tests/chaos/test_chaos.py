"""A short run of what `make chaos` does at length: a cluster is treated badly, and every invariant is judged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.plan import Kind, plan
from tests.chaos.run import run
from tests.invariants.checking import table
from tests.services import Unavailable

SEED, SECONDS = 10304, 15.0


def test_the_short_run_breaks_everything_that_may_break() -> None:
    assert {step.kind for step in plan(SEED, SECONDS)} == set(Kind)


@pytest.mark.slow
async def test_nothing_is_lost_nothing_is_doubled_and_everything_heals(tmp_path: Path) -> None:
    told: list[str] = []
    try:
        verdicts = await run(tmp_path, SEED, SECONDS, told.append)
    except Unavailable as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    shown = "\n".join([*told, table(verdicts)])
    assert not [verdict.id for verdict in verdicts if verdict.violations], shown
    assert not [verdict.id for verdict in verdicts if not verdict.cases], shown
