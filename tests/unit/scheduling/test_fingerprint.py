"""Failures that are alike have one fingerprint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.fingerprint import fingerprint
from domain.scheduling.task import TaskError

TRACE = """Traceback (most recent call last):
  File "/srv/app/billing.py", line {line}, in render
    return total / count
ZeroDivisionError: {message}"""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cannot open 'a.csv'", "cannot open 'b.csv'"),
        ('user "ann" is unknown', 'user "bob" is unknown'),
        ("order 10001 is gone", "order 99871 is gone"),
        ("no row 6f1c1f7e-3b0b-4a6e-9df1-0d6c3f0f4a11", "no row 0d6c3f0f-3b0b-4a6e-9df1-6f1c1f7e4a11"),
        ("object at 0x7f12ab", "object at 0x11"),
        ("it was 12:03:55", "it was 23:59:00"),
        ("took 1.25 s", "took 300.5 s"),
        ("it broke\nat line 4", "it broke\nat line 7"),
    ],
)
def test_what_differs_from_case_to_case_does_not_count(one: str, other: str) -> None:
    assert fingerprint("A", one, None) == fingerprint("A", other, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("exit code 2", "exit code 137"),
        ("killed by SIGKILL", "killed by SIGTERM"),
        ("the disk is full", "the network is down"),
    ],
)
def test_what_is_another_failure_has_another_fingerprint(one: str, other: str) -> None:
    assert fingerprint("A", one, None) != fingerprint("A", other, None)


def test_the_code_counts() -> None:
    assert fingerprint("A", "b", None) != fingerprint("B", "b", None)


def test_with_a_traceback_the_place_counts_and_neither_message_nor_line() -> None:
    one = fingerprint("E", "1", TRACE.format(line=10, message="division by zero"))
    assert one == fingerprint("E", "2", TRACE.format(line=12, message="other words"))
    assert one == fingerprint("E", "2", TRACE.format(line=12, message="x").replace("/srv/app/", "C:\\app\\"))
    assert one != fingerprint("E", "1", TRACE.format(line=10, message="x").replace("render", "total"))


@given(st.text(), st.text(), st.none() | st.text())
def test_any_error_has_one(code: str, message: str, stack: str | None) -> None:
    found = TaskError(code, message, stack).fingerprint
    assert len(found) == 16
    assert int(found, 16) >= 0
