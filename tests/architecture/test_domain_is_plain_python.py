"""The domain needs nothing but Python, and its rules and the use cases get time, ids and chance as arguments."""

from __future__ import annotations

import ast
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.architecture.sources import files, imports, name, tree

AMBIENT = (
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "os.environ*",
    "os.getenv",
    "os.urandom",
    "random.*",
    "secrets.*",
    "time.*",
    "uuid.uuid[0-9]*",
)


def foreign(module: ast.Module) -> set[str]:
    """The packages that a module imports from outside the standard library and the domain."""
    packages = {full.partition(".")[0] for _, full in imports(module)}
    return packages - sys.stdlib_module_names - {"domain"}


def ambient(module: ast.Module) -> set[str]:
    """What a module takes from the world around it, in full names, whatever it calls them."""
    known = dict(imports(module))
    used = set(known.values())
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute | ast.Name):
            first, _, rest = ast.unparse(node).partition(".")
            used.add(f"{known.get(first, '')}.{rest}".rstrip("."))
    return {each for each in used if any(fnmatchcase(each, pattern) for pattern in AMBIENT)}


@pytest.mark.parametrize("path", files("domain"), ids=name)
def test_the_domain_imports_only_the_standard_library(path: Path) -> None:
    assert not foreign(tree(path))


@pytest.mark.parametrize("path", files("domain", "application"), ids=name)
def test_time_ids_and_chance_are_arguments(path: Path) -> None:
    assert not ambient(tree(path))


def test_a_foreign_import_is_found_wherever_it_stands() -> None:
    code = "import os.path\nfrom domain.shared import ids\ndef late():\n    from croniter import x\n    import attr"
    assert foreign(ast.parse(code)) == {"croniter", "attr"}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import datetime as dt\ndt.datetime.now(dt.UTC)", "datetime.datetime.now"),
        ("from datetime import datetime\ndatetime.utcnow()", "datetime.datetime.utcnow"),
        ("from datetime import date as day\nday.today()", "datetime.date.today"),
        ("from time import monotonic as tick", "time.monotonic"),
        ("import time\ndef f(): return time.time()", "time.time"),
        ("import random\nrandom.SystemRandom().random()", "random.SystemRandom"),
        ("import uuid\nnew = uuid.uuid4", "uuid.uuid4"),
        ("from secrets import token_hex", "secrets.token_hex"),
        ("import os\nos.environ['HOME']", "os.environ"),
        ("import os\nos.environ.get('HOME')", "os.environ.get"),
        ("import os\nos.getenv('HOME')", "os.getenv"),
    ],
)
def test_a_look_at_the_world_is_found_under_any_name(code: str, found: str) -> None:
    assert found in ambient(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "from datetime import UTC, datetime, time\ndatetime.fromtimestamp(0, UTC)\ntime(3, 0)",
        "def f(clock, now): return clock.now() - now",
        "from uuid import UUID\nUUID(int=0)",
        "def f(time, random): return time.hour + random.random()",
    ],
)
def test_working_with_given_times_and_ids_is_allowed(code: str) -> None:
    assert not ambient(ast.parse(code))
