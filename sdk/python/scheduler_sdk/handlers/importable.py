"""By which name another process can import a function."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import reduce
from typing import Any


def importable_name(function: Callable[..., Any]) -> str | None:
    """`module:name`, or None: a lambda, a function inside of a function, one of a script that is no module."""
    module_name, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    module = sys.modules.get(module_name or "")
    if module is None or not name or "<" in name:
        return None
    try:
        found: object = _within(module, name)
    except AttributeError:
        return None
    if found is not function:  # a decorator has put something else in its place
        return None
    if module_name == "__main__":
        spec = module.__spec__  # there is one if it was started by `python -m`
        return f"{spec.name}:{name}" if spec is not None else None
    return f"{module_name}:{name}"


def imported(target: str) -> Callable[..., Any]:
    """The function of that name. Raises whatever its module raises."""
    module_name, _, name = target.partition(":")
    found: Callable[..., Any] = _within(importlib.import_module(module_name), name)
    return found


def _within(module: Any, name: str) -> Any:
    return reduce(getattr, name.split("."), module)
