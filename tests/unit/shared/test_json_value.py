"""When two JSON documents are the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.json_value import JsonValue, same_json

documents = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 1.5]) | st.sampled_from(["", "a", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


@given(documents, documents)
def test_documents_are_the_same_exactly_when_their_texts_are(one: JsonValue, other: JsonValue) -> None:
    texts = [json.dumps(document, sort_keys=True) for document in (one, other)]
    assert same_json(one, other) == (texts[0] == texts[1])


@given(documents)
def test_every_document_is_the_same_as_itself_read_again(document: JsonValue) -> None:
    assert same_json(document, json.loads(json.dumps(document)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (1, 1.0),
        ([1], [True]),
        ({"a": 1}, {"a": True}),
        ([], {}),
        ("", []),
        ("a", ["a"]),
        ({}, None),
    ],
)
def test_what_python_may_take_for_equal_is_not_the_same(one: JsonValue, other: JsonValue) -> None:
    assert not same_json(one, other)
    assert not same_json(other, one)


def test_the_order_of_members_does_not_matter_that_of_elements_does() -> None:
    assert same_json({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert not same_json([1, 2], [2, 1])
    assert not same_json([1, 2], [1, 2, 3])
    assert not same_json({"a": 1}, {"a": 1, "b": 2})
