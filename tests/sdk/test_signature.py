"""A handler is called as its signature says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict, cast

import msgspec
import pytest
from msgspec import Raw

from scheduler_sdk.context import TaskContext
from scheduler_sdk.errors import TaskFailed
from scheduler_sdk.handlers.signature import Signature

CONTEXT = TaskContext.__new__(TaskContext)


class Line(msgspec.Struct):
    text: str
    amount: Annotated[int, msgspec.Meta(ge=1)] = 1


class Invoice(msgspec.Struct):
    id: int
    lines: list[Line] = []
    notes: dict[str, int] = {}


@dataclass
class Point:
    x: float
    y: float = 0.0


class Options(TypedDict, total=False):
    fast: bool


def call(handler: Callable[..., Any], parameters: object) -> Any:
    args, named = Signature("h", handler).arguments(Raw(msgspec.json.encode(parameters)), CONTEXT)
    return handler(*args, **named)


def refusal(handler: Callable[..., Any], parameters: object) -> str:
    with pytest.raises(TaskFailed) as caught:
        call(handler, parameters)
    assert (caught.value.code, caught.value.retryable) == ("INVALID_PARAMETERS", False)
    return caught.value.message


def struct(invoice: Invoice) -> object:
    return invoice


def optional(point: Point | None) -> object:
    return point


def typed_dict(options: Options) -> object:
    return options


def mapping(parameters: dict[str, int]) -> object:
    return parameters


def anything(parameters: object) -> object:
    return parameters


def by_name(name: str, times: int = 2, *, tags: tuple[str, ...] = ()) -> object:
    return name, times, tags


def one(name: str) -> object:
    return name


def positional(context: TaskContext, point: Point, /) -> object:
    return context, point


def context_last(invoice: Invoice, task: TaskContext) -> object:
    return invoice.id, task


def context_by_name(context, a: int = 1):  # type: ignore[no-untyped-def]
    return context, a


def only_context(c: TaskContext) -> object:
    return c


@pytest.mark.parametrize(
    ("handler", "parameters", "expected"),
    [
        (struct, {"id": 7, "lines": [{"text": "a"}]}, Invoice(7, [Line("a")])),
        (optional, {"x": 1}, Point(1.0)),
        (optional, None, None),
        (typed_dict, {"fast": True}, {"fast": True}),
        (mapping, {"a": 1}, {"a": 1}),
        (anything, {"a": [1, None]}, {"a": [1, None]}),
        (lambda parameters: parameters, {"a": 1}, {"a": 1}),
        (by_name, {"name": "x"}, ("x", 2, ())),
        (by_name, {"name": "x", "times": 3, "tags": ["t"]}, ("x", 3, ("t",))),
        (one, {"name": "x"}, "x"),
        (positional, {"x": 1, "y": 2}, (CONTEXT, Point(1.0, 2.0))),
        (context_last, {"id": 7}, (7, CONTEXT)),
        (context_by_name, {"a": 3}, (CONTEXT, 3)),
        (only_context, {"whatever": 1}, CONTEXT),
        (lambda: "nothing", {"whatever": 1}, "nothing"),
    ],
)
def test_parameters_become_arguments(handler: Callable[..., Any], parameters: object, expected: object) -> None:
    assert call(handler, parameters) == expected


@pytest.mark.parametrize(
    ("handler", "parameters", "told"),
    [
        (struct, {"id": "7"}, "Expected `int`, got `str` at /parameters/id"),
        (struct, {}, "Object missing required field `id` at /parameters"),
        (struct, {"id": 1, "lines": [{"text": "a"}, {"text": "b", "amount": 0}]}, "at /parameters/lines/1/amount"),
        (struct, {"id": 1, "notes": {"a": "b"}}, "at /parameters/notes/*"),
        (by_name, {"name": "x", "times": 1.5}, "Expected `int`, got `float` at /parameters/times"),
        (by_name, {"name": "x", "time": 1}, "Object contains unknown field `time` at /parameters"),
        (one, {}, "missing required field `name`"),
        (mapping, [1], "Expected `object`, got `array` at /parameters"),
    ],
)
def test_parameters_that_do_not_fit_are_named(handler: Callable[..., Any], parameters: object, told: str) -> None:
    message = refusal(handler, parameters)
    assert message.startswith("the parameters do not fit 'h': ")
    assert told in message


def test_an_object_with_a_call_is_a_handler_too() -> None:
    class Adder:
        def __call__(self, a: int, b: int) -> int:
            return a + b

    assert call(Adder(), {"a": 1, "b": 2}) == 3


def test_annotations_that_mean_nothing_are_refused_when_the_handler_is_registered() -> None:
    class Local(msgspec.Struct):
        a: int

    def local(parameters: Local) -> None: ...

    def many(*names: str) -> None: ...

    def strange(parameters: complex) -> None: ...

    def surplus(**parameters: int) -> None: ...

    with pytest.raises(TypeError, match="mean nothing at the top of its module: name 'Local'"):
        Signature("h", local)
    for function in (many, surplus):
        with pytest.raises(TypeError, match="'h' cannot be a handler: the parameters of a task are named"):
            Signature("h", cast("Callable[..., Any]", function))
    with pytest.raises(TypeError, match="complex"):
        Signature("h", strange)


def test_an_event_that_made_the_job_fire_goes_to_whom_it_is_named_for_and_disturbs_nobody_else() -> None:
    parameters = Raw(b'{"id": 7, "event": {"type": "paid", "data": {"amount": 5}}}')
    event = {"type": "paid", "data": {"amount": 5}}

    def both(id: int, event: dict[str, Any]) -> None: ...

    def id_alone(id: int) -> None: ...

    def event_or_none(id: int, event: dict[str, Any] | None = None) -> None: ...

    def whole(parameters: dict[str, Any]) -> None: ...

    def event_alone(event: dict[str, Any]) -> None: ...

    assert Signature("h", both).arguments(parameters, None) == ([], {"id": 7, "event": event})
    assert Signature("h", id_alone).arguments(parameters, None) == ([], {"id": 7})
    assert Signature("h", event_or_none).arguments(Raw(b'{"id": 7}'), None) == ([], {"id": 7})
    assert Signature("h", whole).arguments(parameters, None) == ([], {"parameters": {"id": 7, "event": event}})
    assert Signature("h", event_alone).arguments(Raw(b'{"event": {"type": "paid"}}'), None) == (
        [],
        {"event": {"type": "paid"}},
    )
    with pytest.raises(TaskFailed, match="id"):
        Signature("h", event_alone).arguments(parameters, None)
