"""The page of guarantees names tests that exist, every invariant, and everything that `make chaos` does."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.chaos.plan import Kind
from tests.invariants.all import INVARIANTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "guarantees.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
PROMISES = re.split(r"^##+ ", PAGE.partition("\n## Fires")[2].partition("\n## What is not")[0], flags=re.MULTILINE)


@cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_that_attacks_a_promise_exists(file: str, name: str) -> None:
    assert name in functions_of(file)


def test_every_promise_says_what_it_rests_on_and_what_attacks_it() -> None:
    promises = [section for section in PROMISES if "\n" in section.strip()]
    assert len(promises) > 10
    for promise in promises:
        attacks = promise.partition("*Attacked by*")[2]
        assert "*Rests on*" in promise, promise
        assert re.search(r"tests/[\w/]+\.py::test_\w+", attacks), promise


def test_every_invariant_belongs_to_a_promise() -> None:
    told = {id_ for group in re.findall(r"\*\((I\d[^)]*)\)\*", PAGE) for id_ in group.split(", ")}
    assert told == {invariant.id for invariant in INVARIANTS}


def test_everything_that_chaos_does_is_told() -> None:
    assert [kind for kind in Kind if f"`{kind}`" not in PAGE] == []
