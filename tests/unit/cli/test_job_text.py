"""Jobs written as YAML come back as what they were, in this reader and in others."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from interfaces.cli.job_files import read_jobs
from interfaces.cli.job_text import as_text, differences

# Lone surrogates, and half a dozen characters that YAML forbids, cannot stand in a text.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=30)
TRICKY = st.sampled_from(
    ["", "no", "on", "null", "~", "1e3", "0o17", "12:30", "2026-01-01", "<<", "*/5 * * * *", "- a", "a: b", "1_000",
     " x", "x ", "a\n\nb\n", "\ttab", "0x1f", "=", "\x85", "\u2028", "\ufeff", "#", "'", '"', "\\"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | TRICKY | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | TRICKY, inner, max_size=4),
    max_leaves=12,
)


@given(jobs=st.lists(st.dictionaries(TEXT | TRICKY, VALUES, min_size=2, max_size=5), min_size=1, max_size=3))
def test_what_is_written_is_read_back(jobs: list[dict[str, Any]]) -> None:
    text = as_text(jobs)
    assert [job.document for job in read_jobs("-", text.encode())] == jobs
    assert list(yaml.safe_load_all(text)) == jobs


def test_a_script_is_written_as_it_looks() -> None:
    assert as_text([{"name": "x", "command": "set -e\necho hi\n"}]) == "name: x\ncommand: |\n  set -e\n  echo hi\n"


def test_equal_parts_are_written_twice_and_not_as_aliases() -> None:
    shared = {"a": "1"}
    assert as_text([{"one": shared, "two": shared}]) == "one:\n  a: '1'\ntwo:\n  a: '1'\n"


def test_a_difference_shows_both_sides() -> None:
    found = list(differences({"name": "x", "overlap": "ALLOW"}, {"name": "x"}, "before", "after"))
    assert found == ["--- before", "+++ after", "@@ -1,2 +1 @@", " name: x", "-overlap: ALLOW"]


@pytest.mark.parametrize("job", [{}, {"name": "x"}])
def test_the_same_has_no_difference(job: dict[str, Any]) -> None:
    assert list(differences(job, job, "a", "b")) == []
