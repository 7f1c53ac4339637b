"""Documents that are applied together need not be in the order of their dependencies."""

from __future__ import annotations

import json

from application.scheduling.apply_order import name_in, upstreams_first


def doc(name: str, *upstreams: str) -> bytes:
    return json.dumps({"name": name, "dependencies": [{"job": up} for up in upstreams]}).encode()


def test_upstreams_come_first_and_all_else_as_it_is() -> None:
    assert upstreams_first([doc("load", "b", "a"), doc("other"), doc("a", "x"), doc("b", "a")]) == [2, 3, 0, 1]


def test_on_a_circle_everybody_still_gets_a_turn() -> None:
    assert sorted(upstreams_first([doc("a", "b"), doc("b", "c"), doc("c", "a")])) == [0, 1, 2]


def test_what_cannot_be_read_is_applied_where_it_stands() -> None:
    broken = [b"{", b'{"name": "a", "dependencies": 7}', b"\xff", doc("b", "a")]
    assert upstreams_first(broken) == [0, 1, 2, 3]
    assert [name_in(text) for text in broken] == ["", "a", "", "b"]
