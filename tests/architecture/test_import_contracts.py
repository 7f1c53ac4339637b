"""Every import contract catches what it forbids: a violation of each is planted in a copy of the sources."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.sources import PRODUCT, ROOT, files

# contract: (the file to plant, the import in it); every file imports into a package that the contract protects
VIOLATIONS = {
    "The hexagon: dependencies point inwards": [
        ("domain/planted_upwards.py", "application.shared"),
        ("application/planted_outwards.py", "infrastructure.sql"),
        ("infrastructure/planted_sideways.py", "interfaces.rest"),
        ("interfaces/planted_sideways.py", "infrastructure.sql"),
    ],
    "The domain is plain Python": [
        ("domain/planted_table.py", "sqlalchemy"),
        ("domain/planted_cron.py", "croniter.croniter"),
        ("domain/planted_struct.py", "msgspec"),
    ],
    "Use cases know no technology": [
        ("application/planted_table.py", "sqlalchemy.dialects"),
        ("application/planted_handler.py", "litestar"),
        ("application/planted_counter.py", "prometheus_client"),
    ],
    "Contexts meet through events": [
        ("domain/alpha/planted.py", "domain.beta.rule"),
        ("application/alpha/planted.py", "domain.beta.rule"),
        ("application/alpha/subscribers.py", "domain.beta.rule"),
        ("application/alpha/not_subscribing.py", "domain.beta.events"),
        ("infrastructure/sql/alpha/planted.py", "application.beta"),
        ("domain/timing/planted.py", "domain.beta.rule"),
    ],
    "Nobody imports bootstrap": [("interfaces/planted_wiring.py", "bootstrap"), ("migrations/planted.py", "bootstrap")],
    "Only the command line and bootstrap use the SDK": [
        ("interfaces/rest/planted_client.py", "scheduler_sdk"),
        ("application/planted_client.py", "scheduler_sdk"),
    ],
    "The SDK knows nothing of the server": [("scheduler_sdk/planted.py", "domain.shared")],
}
ALLOWED = [
    ("application/alpha/subscribed/subscribers.py", "domain.beta.events"),
    ("application/alpha/planted_struct.py", "msgspec"),
    ("interfaces/cli/planted_client.py", "scheduler_sdk"),
    ("bootstrap/planted_client.py", "scheduler_sdk"),
    ("domain/alpha/planted_kernel.py", "domain.timing"),
]
SCAFFOLD = ["domain/alpha/__init__.py", "domain/beta/rule.py", "domain/beta/events.py", "application/beta/__init__.py"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy of the product with every violation planted."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for path in (*files(*PRODUCT), ROOT / "tests/__init__.py", ROOT / "tests/architecture/contexts_contract.py"):
        place = copy / path.relative_to(ROOT / "sdk/python" if "sdk" in path.relative_to(ROOT).parts else ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    for violations in (*VIOLATIONS.values(), ALLOWED):
        for file, imported in violations:
            _plant(copy / file, f"import {imported}\n", copy)
    for file in SCAFFOLD:
        _plant(copy / file, "", copy)
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "500"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 1, found.stdout + found.stderr
    return found.stdout


def _plant(place: Path, text: str, copy: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    for package in place.relative_to(copy).parents[:-1]:
        (copy / package / "__init__.py").touch()


def _section(report: str, contract: str) -> str:
    """The part of the report that explains how `contract` is broken."""
    return re.split(r"\n[^\n]+\n-{3,}\n", report.partition(f"\n{contract}\n---")[2].partition("\n")[2])[0]


def _module(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


@pytest.mark.parametrize(
    ("contract", "file", "imported"),
    [(contract, file, imported) for contract, planted in VIOLATIONS.items() for file, imported in planted],
)
def test_a_planted_violation_is_caught(report: str, contract: str, file: str, imported: str) -> None:
    assert f"{_module(file)} -> " in _section(report, contract), report


@pytest.mark.parametrize(("file", "imported"), ALLOWED)
def test_what_the_contracts_allow_is_let_through(report: str, file: str, imported: str) -> None:
    assert f"{_module(file)} -> " not in report


def test_every_contract_has_a_violation_here() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["name"] for contract in contracts} == VIOLATIONS.keys()
