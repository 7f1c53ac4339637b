"""The pages of the reference say what the code says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import ROOT, files, tree

_CODE = re.compile(r"[A-Z]+(_[A-Z]+)+")
_FAILURES = ("TaskFailed", "NonRetryable", "ErrorDetail", "TaskError")


def test_what_is_committed_is_what_the_code_says() -> None:
    # In a process of its own: here the tests' own kinds of errors are known, too.
    command = [sys.executable, "-m", "scripts.reference", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_code_of_a_failed_attempt_is_explained_and_no_other() -> None:
    page = (ROOT / "docs" / "reference" / "task-errors.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    used = {code for path in files("sdk/python/scheduler_sdk") for code in codes_of_failures(path)}
    constants = set(named_like_themselves(ROOT / "domain" / "scheduling" / "settlement.py"))
    assert explained == used | (constants - {"SNOOZED", "CANCELLED_BY_HANDLER"})  # those are no failures


def codes_of_failures(path: Path) -> Iterator[str]:
    """The codes with which a file makes failures: in the call, as a default, in a constant named like itself."""
    yield from named_like_themselves(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FAILURES:
            given = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "code")]
            yield from (code for each in given for inner in ast.walk(each) for code in code_in(inner))
        elif isinstance(node, ast.FunctionDef):
            yield from (code for default in node.args.kw_defaults for code in code_in(default))


def named_like_themselves(path: Path) -> Iterator[str]:
    for node in tree(path).body:
        if isinstance(node, ast.Assign):
            name = ast.unparse(node.targets[0]).lstrip("_")
            yield from (code for code in code_in(node.value) if code.endswith(name))


def code_in(node: ast.AST | None) -> list[str]:
    text = node.value if isinstance(node, ast.Constant) else None
    return [text] if isinstance(text, str) and _CODE.fullmatch(text) else []
