"""Which executors serve which lanes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.executor import HostInfo
from domain.scheduling.placement import Capability, Lane, Placement
from domain.shared.errors import Invalid
from domain.shared.ids import DEFAULT_TENANT, TenantId
from tests.builders import capability, definition

OTHER_TENANT = TenantId("other")
labels = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"))


def lane(handler: str | None = None, type_: str = "COMMAND", **requires: str) -> Lane:
    return Lane.of(DEFAULT_TENANT, type_, handler, Placement(requires=requires))


def serves(offer: Capability, wanted: Lane) -> bool:
    return offer.serves(DEFAULT_TENANT, wanted)


def test_an_executor_serves_the_lanes_of_its_tenant_pool_and_types() -> None:
    assert serves(capability(), lane())
    assert not capability().serves(OTHER_TENANT, lane())
    assert not serves(capability(pool="gpu"), lane())
    assert not serves(capability(types=frozenset({"PYTHON"})), lane())
    assert serves(capability(types=frozenset({"PYTHON", "COMMAND"})), lane())


def test_a_lane_with_a_handler_needs_an_executor_that_has_it() -> None:
    python = frozenset({"PYTHON"})
    wanted = lane("mail.send", "PYTHON")
    assert serves(capability(types=python, handlers=frozenset({"mail.send", "x"})), wanted)
    assert not serves(capability(types=python, handlers=frozenset({"mail.read"})), wanted)
    assert not serves(capability(types=python), wanted)


def test_required_labels_have_to_be_carried_with_their_values_others_do_not_matter() -> None:
    wanted = lane(zone="b")
    assert serves(capability(labels={"zone": "b", "arch": "arm64"}), wanted)
    assert not serves(capability(labels={"zone": "a"}), wanted)
    assert not serves(capability(), wanted)


@given(labels, labels)
def test_labels_fit_exactly_when_all_that_is_required_is_carried(
    carried: dict[str, str], asked: dict[str, str]
) -> None:
    assert serves(capability(labels=carried), lane(**asked)) == (asked.items() <= carried.items())


@given(labels)
def test_equal_demands_are_one_lane_in_whatever_order_they_are_written(asked: dict[str, str]) -> None:
    turned = dict(reversed(asked.items()))
    assert len({lane(**asked), lane(**turned)}) == 1


def test_an_offer_may_be_remembered_by_its_value() -> None:
    one, same = capability(labels={"zone": "b"}), capability(labels={"zone": "b"})
    assert {one: "lanes"}[same] == "lanes"
    assert one != replace(one, labels={"zone": "a"})


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"slots": 0}, "/maxConcurrentTasks"),
        ({"slots": 100_001}, "/maxConcurrentTasks"),
        ({"types": frozenset()}, "/types"),
    ],
)
def test_an_offer_of_nothing_is_refused(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        capability(**fields)
    assert [p.pointer for p in refused.value.problems] == [pointer]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"pool": ""}, "/pool"),
        ({"pool": "x" * 129}, "/pool"),
        ({"requires": {str(n): "" for n in range(33)}}, "/requires"),
        ({"executor": ""}, "/executor"),
        ({"executor": "x" * 129}, "/executor"),
        ({"executor": "a\nb"}, "/executor"),
    ],
)
def test_a_placement_has_bounds(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        Placement(**fields)
    assert [p.pointer for p in refused.value.problems] == [pointer]
    Placement(pool="x" * 128, requires={str(n): "" for n in range(32)})


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x9b"])
@pytest.mark.parametrize(
    ("make", "pointer"),
    [
        (lambda text: Placement(pool=text), "/pool"),
        (lambda text: Placement(requires={text: "x"}), "/requires"),
        (lambda text: Placement(requires={"x": text}), "/requires"),
        (lambda text: capability(pool=text), "/pool"),
        (lambda text: capability(labels={text: "x"}), "/labels"),
        (lambda text: capability(labels={"x": text}), "/labels"),
        (lambda text: capability(types=frozenset({text})), "/types"),
        (lambda text: capability(handlers=frozenset({text})), "/handlers"),
        (lambda text: HostInfo(host=text, version="1"), "/host"),
        (lambda text: HostInfo(host="h", version=text), "/version"),
        (lambda text: definition(tags=("x", text)), "/tags"),
        (lambda text: definition(handler=text), "/handler"),
        (lambda text: definition(owner=text), "/owner"),
    ],
)
def test_control_characters_are_refused_where_they_stand(
    make: Callable[[str], object], pointer: str, character: str
) -> None:
    make("a ü\u2028")
    with pytest.raises(Invalid) as refused:
        make(f"ab{character}c")
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.code, problem.offset) == (pointer, "CONTROL_CHARACTER", 2)
    assert f"U+{ord(character):04X}" in problem.detail
    assert character not in problem.detail
