"""Jobs written in YAML, and where each thing stands in its file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.cli.exits import Failure
from interfaces.cli.job_files import WrittenJob, read_jobs, refuse_doubles

TWO_JOBS = b"""\
# comment
name: first
trigger:
  type: CRON
  expression: "0 2 * * *"
tags: [a, b]
---
name: second
---
"""


def read(text: str | bytes) -> list[WrittenJob]:
    return read_jobs("jobs.yaml", text.encode() if isinstance(text, str) else text)


def value(text: str) -> Any:
    (job,) = read(f"value: {text}")
    return job.document["value"]


def test_every_document_is_a_job_and_empty_ones_are_none() -> None:
    assert [job.name for job in read(TWO_JOBS)] == ["first", "second"]


@pytest.mark.parametrize(
    "text", ["jobs: [{name: a}, {name: b}]", "- name: a\n- name: b\n", '[{"name": "a"},\t{"name": "b"}]']
)
def test_a_document_may_be_a_list_of_jobs(text: str) -> None:
    assert [job.name for job in read(text)] == ["a", "b"]


@pytest.mark.parametrize("text", ["", "---\n---\n", "# nothing\n", "jobs: []"])
def test_a_file_may_hold_no_job(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("", "jobs.yaml:2:1"),
        ("/trigger/expression", "jobs.yaml:5:15"),
        ("/tags/1", "jobs.yaml:6:11"),
        ("/tags/7", "jobs.yaml:6:7"),
        ("/trigger/timeZone", "jobs.yaml:4:3"),
    ],
)
def test_a_pointer_leads_to_the_place_in_the_file_or_to_the_nearest_around_it(pointer: str, place: str) -> None:
    assert read(TWO_JOBS)[0].place(pointer) == place


def test_a_job_in_a_list_has_its_own_place() -> None:
    assert read("jobs:\n  - name: a\n  - name: b\n    retry: {maxAttempts: 0}\n")[1].place("/retry/maxAttempts") == (
        "jobs.yaml:4:26"
    )


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("12:30", "12:30"),
        ("no", "no"),
        ("on", "on"),
        ("2026-11-22", "2026-11-22"),
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
        ("1_000", "1_000"),
        (".nan", ".nan"),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("-3", -3),
        ("1.5e3", 1500.0),
        ("1.", 1.0),
        ("true", True),
        ("~", None),
        ("", None),
        ('"~"', "~"),
        ("!!str 5", "5"),
    ],
)
def test_values_mean_what_yaml_1_2_says_so_that_times_and_words_stay_text(text: str, means: Any) -> None:
    assert value(text) == means
    assert type(value(text)) is type(means)


def test_anchors_and_merges_are_understood() -> None:
    first, second = read("- &base {name: a, retry: {maxAttempts: 2}}\n- {<<: *base, name: b}\n")
    assert second.document == {"name": "b", "retry": {"maxAttempts": 2}}
    assert first.document["name"] == "a"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\n  b: [", "jobs.yaml:2:4: "),
        ("name: a\nname: b\n", "jobs.yaml:2:1: 'name' stands here a second time"),
        ("1: a", "jobs.yaml:1:1: a key is text"),
        ("? [a]\n: b", "jobs.yaml:1:3: a key is text"),
        ("just words", "jobs.yaml:1:1: a job is a mapping"),
        ("- name: a\n- 7\n", "jobs.yaml:2:3: a job is a mapping"),
        ("trigger: {expression: * * * * *}", "begins with * needs quotes"),
        ("a: !!python/object/apply:os.system [ls]", "jobs.yaml:1:4: "),
        ("a: !!timestamp 2026-11-22", "jobs.yaml:1:4: "),
        ("a: &a [*a]", "jobs.yaml:1:4: it contains itself"),
        ("a: &a {b: *a}", "jobs.yaml:1:4: it contains itself"),
        ("a: " + "[" * 200_000, "jobs.yaml:1:103: nested deeper than 100 levels"),
        ("{a: " * 200 + "}" * 200, "nested deeper than 100 levels"),
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 1000)), "aliases nest deeper than"),
        (b"\x7fELF\x02\x01", "jobs.yaml: not a text in YAML"),
        (b"a: \xe9", "jobs.yaml: not a text in YAML"),
        ("a: \x07", "jobs.yaml: not a text in YAML"),
    ],
)  # fmt: skip
def test_what_is_not_yaml_or_not_a_job_is_refused_with_its_place(text: str | bytes, message: str) -> None:
    with pytest.raises(Failure) as refused:
        read(text)
    assert refused.value.message.startswith(message) or message in refused.value.message


def test_aliases_cannot_blow_a_small_file_up() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 9):
        bomb += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    with pytest.raises(Failure, match="more than 1000000 values"):
        read(bomb)


def test_jobs_with_the_same_name_are_refused_with_both_places() -> None:
    with pytest.raises(Failure, match=r"first: at jobs.yaml:2:7 and at other.yaml:1:8"):
        refuse_doubles([*read(TWO_JOBS), *read_jobs("other.yaml", b'{name: "first"}')])
    refuse_doubles(read(TWO_JOBS) + read("{}") + read("---\n{type: X}"))


scalars = st.none() | st.booleans() | st.integers() | st.text()
keys = st.text(max_size=20)
json_values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=20)


@given(st.dictionaries(keys, json_values))
def test_what_is_written_as_json_is_read_as_written(document: dict[str, Any]) -> None:
    (job,) = read("[" + json.dumps(document) + "]")
    assert job.document == document


@given(st.one_of(st.text(), st.binary()))
def test_any_content_is_read_or_refused(content: str | bytes) -> None:
    try:
        jobs = read(content)
    except (Failure, UnicodeEncodeError):
        return
    assert all(isinstance(job.document, dict) for job in jobs)
