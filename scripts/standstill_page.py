"""The page of what becomes of fires that a standstill has made late, made by standing still."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bootstrap.testing import local_platform

START = datetime(2031, 5, 6, 12, tzinfo=UTC)
BEFORE, DOWN = timedelta(minutes=3, seconds=30), timedelta(minutes=10)

CASES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("`FIRE_ONCE` (default)", {}),
    ("`FIRE_ONCE`, `catchupWindow` 5 s", {"catchupWindow": "PT5S", "grace": "PT0S"}),
    ("`FIRE_ALL`", {"policy": "FIRE_ALL"}),
    ("`FIRE_ALL`, `maxFires` 3", {"policy": "FIRE_ALL", "maxFires": 3}),
    ("`FIRE_ALL`, `catchupWindow` 4 min", {"policy": "FIRE_ALL", "catchupWindow": "PT4M"}),
    ("`SKIP` (`grace` 1 min)", {"policy": "SKIP"}),
    ("`SKIP`, `grace` 10 s", {"policy": "SKIP", "grace": "PT10S"}),
)

PAGE = """\
# After a standstill

<!-- Made from the code by `make docs`. -->

A job fires every minute, with overlap `ALLOW`. The platform stands still from 12:03:30 to 12:13:30 and starts again.
This is what the ledger says afterwards about 12:04 to 12:13, for each misfire policy; it was made by standing still.

| misfire | times | decision | reason |
| --- | --- | --- | --- |
{rows}

One entry stands for consecutive times that share a decision; those that fired have one each. Nothing is left out: the
counts of each policy add up to ten.
"""


def standstill_page() -> str:
    """The page."""
    return PAGE.format(rows="\n".join(row for name, misfire in CASES for row in _rows(name, misfire)))


def _rows(name: str, misfire: Mapping[str, Any]) -> Iterator[str]:
    groups: list[list[Any]] = []
    for entry in asyncio.run(ledger_after_standstill(misfire)):
        if groups and groups[-1][2] == entry["decision"] == "FIRED":
            groups[-1][1] = entry["lastNominalAt"]
        else:
            groups.append([entry["firstNominalAt"], entry["lastNominalAt"], entry["decision"], entry["reason"]])
    for first, last, decision, reason in groups:
        times = _minute(first) if first == last else f"{_minute(first)} to {_minute(last)}"
        yield f"| {name} | {times} | {decision} | {reason or ''} |"
        name = ""


async def ledger_after_standstill(misfire: Mapping[str, Any]) -> list[Any]:
    """The entries about the time that the platform stood still, the oldest first."""
    async with local_platform({"work": lambda: None}, start=START) as platform:
        trigger = {"type": "CRON", "expression": "* * * * *"}
        job: Any = {"name": "minutely", "type": "PYTHON", "handler": "work", "active": True, "overlap": "ALLOW"}
        await platform.client.create_job({**job, "trigger": trigger, "misfire": dict(misfire)})
        await platform.advance(BEFORE)
        await platform.stand_still(DOWN)
        entries = [entry async for entry in platform.client.occurrences("minutely")]
    down = (START + BEFORE).isoformat()
    return sorted((e for e in entries if e["nominalAt"] > down.replace("+00:00", "Z")), key=lambda e: e["nominalAt"])


def _minute(instant: str) -> str:
    return datetime.fromisoformat(instant).strftime("%H:%M")
