"""Parameters filled from what upstreams ended with, or the reason why they cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from application.scheduling.upstream_filling import AS_THEY_ARE, LARGEST_FILLED, fill_from_upstreams
from domain.scheduling.ids import RunId, TaskId
from domain.scheduling.job_types.command import COMMAND
from domain.scheduling.ports.run_book import End
from domain.scheduling.task_status import TaskStatus
from domain.shared.json_value import JsonText
from tests.builders import uid


def end(number: int, result: Any = None, status: TaskStatus = TaskStatus.COMPLETED, **parameters: Any) -> End:
    return End(
        task_id=TaskId(uid(number)),
        run_id=RunId(uid(1)),
        status=status,
        result=None if result is None else JsonText(json.dumps(result)),
        parameters=JsonText(json.dumps(parameters)),
    )


ENDS = {"a": end(2, {"n": 1, "list": [{"x": True}]}, size=3), "b": end(3, status=TaskStatus.FAILED)}


def text(**parameters: Any) -> JsonText:
    return JsonText(json.dumps(parameters))


def test_values_keep_their_types_where_they_stand_alone() -> None:
    own = text(n="${upstream.a.result.n}", x="${upstream.a.result.list.0.x}", all="n=${upstream.a.parameters.size}")
    filling = fill_from_upstreams(own, ENDS, None)
    assert json.loads(filling.parameters or "") == {"n": 1, "x": True, "all": "n=3"}
    assert (filling.refusal, filling.cause) == (None, None)


def test_parameters_without_places_are_left_as_they_are() -> None:
    assert fill_from_upstreams(text(command=["${HOME}", "$upstream"]), ENDS, COMMAND) is AS_THEY_ARE


@pytest.mark.parametrize(
    ("place", "why", "cause"),
    [
        ("${upstream.a.result.m}", "a ended COMPLETED and has no result.m", 2),
        ("${upstream.b.result}", "b ended FAILED and has no result", 3),
        ("${upstream.c.result}", "no task of that upstream has ended", None),
    ],
)
def test_what_is_missing_is_named_with_the_task_to_blame(place: str, why: str, cause: int | None) -> None:
    filling = fill_from_upstreams(text(x=place), ENDS, None)
    assert why in (filling.refusal or "")
    assert filling.refusal is not None
    assert filling.refusal.startswith(place)
    assert filling.cause == (None if cause is None else uid(cause))
    assert filling.parameters is None
    defaulted = fill_from_upstreams(text(x=place.replace("}", ":none}")), ENDS, None)
    assert json.loads(defaulted.parameters or "") == {"x": "none"}


def test_what_the_type_refuses_or_is_too_large_is_not_run() -> None:
    empty = fill_from_upstreams(text(command=["${upstream.a.result}"]), {"a": end(2, "")}, COMMAND)
    assert "the parameters are not right" in (empty.refusal or "")
    large = {"a": end(2, "x" * (LARGEST_FILLED // 4))}
    own = text(command=["x", *["${upstream.a.result}"] * 5])
    assert f"more than {LARGEST_FILLED} bytes" in (fill_from_upstreams(own, large, COMMAND).refusal or "")
