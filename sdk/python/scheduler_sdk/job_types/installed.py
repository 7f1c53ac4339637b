"""Job types that other packages bring along."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

GROUP = "scheduler_sdk.job_types"
"""The entry points of this group name a function each; the name of an entry point is that of the job type."""


def installed(name: str) -> Callable[..., Any]:
    """The function that runs tasks of this type. Raises `ValueError` if no package brings it, or several do."""
    found = entry_points(group=GROUP, name=name)
    if len(found) != 1:
        known = sorted(entry_points(group=GROUP).names)
        several = ", ".join(sorted(point.value for point in found))
        told = f"several packages bring it: {several}" if found else f"installed are: {', '.join(known) or 'none'}"
        raise ValueError(f"no job type {name!r} can be taken from a package; {told}")
    (point,) = found
    function: Callable[..., Any] = point.load()
    return function
