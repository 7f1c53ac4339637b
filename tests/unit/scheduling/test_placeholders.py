"""Places in parameters: found where they stand, filled once, and never twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.job_type import JobType
from domain.scheduling.job_types.built_in import BUILT_IN
from domain.scheduling.place_rules import place_problems
from domain.scheduling.placeholders import MOST_PLACES, filled, has_places, member, missing, nothing, places
from domain.shared.errors import Invalid
from domain.timing.trigger import Trigger
from domain.timing.triggers.any_of import AnyOfTrigger
from domain.timing.triggers.event import EventTrigger
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from domain.timing.triggers.manual import ManualTrigger
from tests.builders import MINUTE

DATA: dict[str, Any] = {"n": 5, "who": "Zoë", "none": None, "all": [1, {"a": True}]}
EVENT: dict[str, Any] = {"id": "7", "type": "paid", "data": DATA}
PYTHON = BUILT_IN.named("PYTHON")
ON_EVENT = EventTrigger(event_type="paid")

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["${event.data.n}", "${secret:x}", "${"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def fill(parameters: dict[str, Any], event: Any = EVENT, *texts: str) -> Any:
    return filled(parameters, places(parameters), member(event), frozenset(texts))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${event.data.n}", 5),
        ("${event.data.all}", [1, {"a": True}]),
        ("${event.data.all.1.a}", True),
        ("${event.data.none}", None),
        ("${event.data.who}", "Zoë"),
        ("${event.data.gone:eu}", "eu"),
        ("${event.data.gone:}", ""),
        ("${event.data.all.2:end}", "end"),
        ("${event.id.x:no}", "no"),
        ("order ${event.data.n}, ${event.data.who}!", "order 5, Zoë!"),
        ("[${event.data.none}]${event.data.all}", '[][1,{"a":true}]'),
        (" ${event.data.n}", " 5"),
        ("${event.data.n}${event.data.n}", "55"),
        ("at ${event.data.gone:http://a:80}", "at http://a:80"),
        ("${HOME} $event ${ event.id} ${secret:a.b} $", "${HOME} $event ${ event.id} ${secret:a.b} $"),
    ],
)
def test_a_text_that_is_a_place_becomes_the_value_and_others_take_its_text_in(text: str, value: Any) -> None:
    assert fill({"a": [{"b/~": text}], "c": 1}) == {"a": [{"b/~": value}], "c": 1}


def test_in_what_must_be_text_a_number_becomes_text() -> None:
    parameters = {"env": {"N": "${event.data.n}"}, "body": "${event.data.n}"}
    assert fill(parameters, EVENT, "env") == {"env": {"N": "5"}, "body": 5}


def test_what_has_come_in_is_not_looked_at_again() -> None:
    sly = {"id": "${event.data.b}", "data": {"a": "${event.id}", "b": "${upstream.x.result}"}}
    assert fill({"a": "${event.id}-${event.data.a}"}, sly) == {"a": "${event.data.b}-${event.id}"}


def test_what_has_no_value_and_no_default_is_missing() -> None:
    found = places({"a": "${event.data.gone} ${event.data.gone:x} ${event.data.none}", "b": ["${event.data.n.x}"]})
    assert [place.name for place in missing(found, member(EVENT))] == ["event.data.gone", "event.data.n.x"]
    assert len(missing(found, nothing)) == 3


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("${event.id}${upstream.a.result}", 11),
        ("${event.}", 0),
        ("ab${event.data.", 2),
        ("${event.id} ${event.a..b}", 12),
        ("${event.a b}", 0),
        ("${event.:x}", 0),
    ],
)
def test_a_place_that_names_nothing_is_refused_where_it_stands(text: str, offset: int) -> None:
    with pytest.raises(Invalid) as refused:
        places({"a": {"b": ["fine", text]}})
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.code, problem.offset) == ("/a/b/1", "INVALID_PLACE", offset)


def test_there_are_not_more_places_than_can_be_filled() -> None:
    assert len(places({"a": "${event.id}" * MOST_PLACES})) == MOST_PLACES
    with pytest.raises(Invalid) as refused:
        places({"a": "${event.id}" * MOST_PLACES, "b": "${event.id}"})
    assert refused.value.problems[0].code == "TOO_MANY_PLACES"


def test_a_name_of_many_digits_is_no_position() -> None:
    assert len(missing(places({"a": "${event.data.all." + "9" * 5000 + "}"}), member(EVENT))) == 1


def test_parameters_may_be_nested_deeply() -> None:
    deep: Any = "${event.data.n}"
    for _ in range(5000):
        deep = [deep]
    here = fill({"a": deep})["a"]
    while isinstance(here, list):
        (here,) = here
    assert here == 5


@given(st.dictionaries(st.text(max_size=3), json, max_size=4))
def test_only_places_change(parameters: dict[str, Any]) -> None:
    def expected(value: Any) -> Any:
        if isinstance(value, str):
            return 5 if value == "${event.data.n}" else value
        if isinstance(value, dict):
            return {name: expected(each) for name, each in value.items()}
        return [expected(each) for each in value] if isinstance(value, list) else value

    assert fill(parameters) == expected(parameters)


def test_whether_to_look_for_places_is_told_from_the_text() -> None:
    assert has_places('{"a": "x${event.id}"}', places({"a": "${event.id}"})[0].source)
    assert not has_places('{"a": "${events.id} ${HOME} event."}', places({"a": "${event.id}"})[0].source)


def rules(text: Any, trigger: Trigger = ON_EVENT, type_: JobType = PYTHON) -> list[tuple[str, str]]:
    return [(p.pointer, p.code) for p in place_problems(text, trigger, type_)]


CLOCK = FixedRateTrigger(every=MINUTE)


@pytest.mark.parametrize(
    "trigger", [CLOCK, ManualTrigger(), AnyOfTrigger(triggers=(ON_EVENT, CLOCK)), AnyOfTrigger(triggers=(CLOCK,))]
)
def test_a_job_with_fires_that_have_no_event_has_no_places_for_one(trigger: Trigger) -> None:
    assert rules({"a": "${event.id}"}, trigger) == [("/a", "NO_EVENT")]


def test_each_of_several_triggers_may_bring_an_event() -> None:
    other = EventTrigger(event_type="sent")
    assert rules({"a": "${event.id}"}, AnyOfTrigger(triggers=(ON_EVENT, other))) == []


@pytest.mark.parametrize("path", ["Data.x", "data-x", "type.x", "id.0", "data_base65"])
def test_what_no_event_can_have_is_refused(path: str) -> None:
    assert rules({"a": f"${{event.{path}}}"}) == [("/a", "INVALID_PLACE")]


@pytest.mark.parametrize("path", ["data", "data.X-y_z.0", "subject", "data_base64", "traceparent", "myext1"])
def test_attributes_extensions_and_everything_in_data_may_be_named(path: str) -> None:
    assert rules({"a": f"${{event.{path}}}"}) == []


def test_nothing_comes_into_what_is_carried_out_as_it_stands() -> None:
    command, sql = BUILT_IN.named("COMMAND"), BUILT_IN.named("SQL")
    assert rules({"command": "echo ${event.id}"}, type_=command) == [("/command", "PLACE_IN_CODE")]
    assert rules({"command": ["echo", "${event.id}"], "env": {"A": "${event.id}"}}, type_=command) == []
    assert rules({"statement": "select '${event.id}'"}, type_=sql) == [("/statement", "PLACE_IN_CODE")]
    assert rules({"statement": "select $1", "parameters": ["${event.id}"]}, type_=sql) == []
