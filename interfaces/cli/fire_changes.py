"""What a change does to the fires of a job, as lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from interfaces.cli.output import NOTHING

if TYPE_CHECKING:
    from scheduler_sdk.shapes import Applied

SHOWN = 5


def fire_lines(item: Applied) -> list[str]:
    """The first fires that come and that go in the next days, and how many more; nothing if none do."""
    changes = item.get("fireChanges")
    if changes is None or not (changes["addedCount"] or changes["removedCount"]):
        return []
    lines = [f"@@ fires from {changes['from']} to {changes['to']}, {changes['unchangedCount']} unchanged @@"]
    for sign, times, count in (
        ("-", changes["removed"], changes["removedCount"]),
        ("+", changes["added"], changes["addedCount"]),
    ):
        lines += [f"{sign} {time}" for time in times[:SHOWN]]
        if count > SHOWN:
            lines.append(f"{sign} and {count - SHOWN} more")
    return lines


def fire_counts(item: Mapping[str, Any]) -> str:
    """How many come and go."""
    changes = item.get("fireChanges")
    if changes is None:
        return NOTHING
    return f"+{changes['addedCount']} -{changes['removedCount']} ={changes['unchangedCount']}"
