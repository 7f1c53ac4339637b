"""After a standstill the ledger has one decision for every time that passed, whatever the misfire policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from scripts.standstill_page import CASES, ledger_after_standstill


@pytest.mark.parametrize("misfire", [misfire for _, misfire in CASES], ids=[name for name, _ in CASES])
async def test_no_time_of_a_standstill_is_lost_or_decided_twice(misfire: Mapping[str, Any]) -> None:
    entries = await ledger_after_standstill(misfire)
    assert sum(entry["count"] for entry in entries) == 10
    spans = [(entry["firstNominalAt"], entry["lastNominalAt"]) for entry in entries]
    assert all(one[1] < other[0] for one, other in pairwise(spans))


@pytest.mark.parametrize(
    ("misfire", "counts"),
    [
        ({}, {"COALESCED": 9, "FIRED": 1}),
        ({"policy": "FIRE_ALL"}, {"FIRED": 10}),
        ({"policy": "FIRE_ALL", "maxFires": 3}, {"MISSED": 7, "FIRED": 3}),
        ({"policy": "SKIP"}, {"MISSED": 9, "FIRED": 1}),
        ({"policy": "SKIP", "grace": "PT10S"}, {"MISSED": 10}),
    ],
)
async def test_each_policy_decides_as_it_says(misfire: Mapping[str, Any], counts: dict[str, int]) -> None:
    found: Counter[str] = Counter()
    for entry in await ledger_after_standstill(misfire):
        found[entry["decision"]] += entry["count"]
    assert found == counts
