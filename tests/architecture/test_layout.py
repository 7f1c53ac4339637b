"""Files stay small, and a package's `__init__` says what the package is for and nothing else."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from statistics import median

import pytest

from tests.architecture.sources import PRODUCT, ROOT, files, name, tree

LINES_OF_CODE = 300
LINES_OF_TEST = 400
USUAL_LINES = 100


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.parametrize("path", files(*PRODUCT, "scripts", "benchmarks"), ids=name)
def test_a_file_of_code_can_be_read_in_one_go(path: Path) -> None:
    assert lines(path) <= LINES_OF_CODE


@pytest.mark.parametrize("path", files("tests", "sdk/python/tests"), ids=name)
def test_a_file_of_tests_can_be_read_in_one_go(path: Path) -> None:
    assert lines(path) <= LINES_OF_TEST


def test_most_files_are_much_smaller() -> None:
    assert median(lines(path) for path in files(*PRODUCT) if path.name != "__init__.py") <= USUAL_LINES


@pytest.mark.parametrize("path", [path for path in files(*PRODUCT) if path.name == "__init__.py"], ids=name)
def test_a_package_has_a_docstring_and_no_code_of_its_own(path: Path) -> None:
    module = tree(path)
    assert ast.get_docstring(module)
    assert len(module.body) == 1


@pytest.mark.parametrize("room", PRODUCT)
def test_every_directory_with_code_is_a_package(room: str) -> None:
    assert not [name(path.parent) for path in files(room) if not (path.parent / "__init__.py").exists()]


def test_the_readme_names_files_that_are_there() -> None:
    named = re.findall(rf"`((?:{'|'.join(PRODUCT)}|tests|docs)/[\w./-]+\.\w+)`", (ROOT / "README.md").read_text())
    assert named
    assert not [path for path in named if not (ROOT / path).exists()]
