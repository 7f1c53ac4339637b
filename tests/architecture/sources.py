"""The product's own source files, as the architecture tests look at them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("domain", "application", "infrastructure", "interfaces", "bootstrap")
PRODUCT = (*LAYERS, "migrations", "sdk/python/scheduler_sdk")


def files(*rooms: str) -> list[Path]:
    """Every Python file below the given directories of the repository, by path."""
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def name(path: Path) -> str:
    """A file's path as a reader of the repository knows it; the id of its tests."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def imports(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Every imported name, as the module calls it and as it is called in full; wherever the import stands."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                # `import a.b` binds `a`, `import a.b as c` binds `a.b`
                yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
                if not alias.asname:
                    yield alias.name, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"
