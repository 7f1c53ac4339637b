"""Places that an upstream fills: whose they are, and which can never be filled."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.scheduling.dependency import Dependencies, Edge, Match, MatchType
from domain.scheduling.job_types.command import COMMAND
from domain.scheduling.key_template import KeyTemplate
from domain.scheduling.limits import ConcurrencyLimit, Limits
from domain.scheduling.place_rules import key_place_problems, place_problems
from domain.scheduling.upstream_places import upstream_of
from domain.timing.triggers.manual import ManualTrigger

WINDOW = Match(MatchType.ALL_IN, timedelta(days=1))
ON = Dependencies(edges=(Edge(job="a"), Edge(job="a.b"), Edge(job="all", match=WINDOW)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.result.n", ("a", ("result", "n"))),
        ("a.b.result", ("a.b", ("result",))),  # the longest name counts
        ("a.c.b", ("a", ("c", "b"))),
        ("a", ("a", ())),
        ("b.result", None),
        ("ab.result", None),
    ],
)
def test_a_path_begins_with_an_upstreams_name(path: str, expected: object) -> None:
    assert upstream_of(tuple(path.split(".")), {"a", "a.b"}) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("${upstream.a.result}", None),
        ("${upstream.a.result.x.1:none}", None),
        ("${upstream.a.b.status}", None),
        ("${upstream.a.parameters.command.0}", None),
        ("${upstream.a}", "INVALID_PLACE"),
        ("${upstream.a.log}", "INVALID_PLACE"),
        ("${upstream.all.result}", "INVALID_PLACE"),
        ("${upstream.c.result}", "UNKNOWN_UPSTREAM"),
    ],
)
def test_what_an_upstream_can_never_fill_is_known_beforehand(text: str, code: str | None) -> None:
    problems = list(place_problems({"command": ["x", text]}, ManualTrigger(), COMMAND, ON))
    assert [(p.pointer, p.code) for p in problems] == ([] if code is None else [("/command/1", code)])
    assert [p.code for p in place_problems({"command": ["x", text]}, ManualTrigger(), COMMAND)] == ["NO_UPSTREAM"]


def test_a_key_takes_nothing_from_an_upstream() -> None:
    limits = Limits(concurrency=ConcurrencyLimit(key=KeyTemplate("k-${param.env.K}-${param.cwd}"), limit=1))
    assert not list(key_place_problems({"env": {"K": "k"}, "cwd": "/", "stdin": "${upstream.a.result}"}, limits))
    (problem,) = key_place_problems({"env": {"K": "${upstream.a.result}"}, "cwd": "/"}, limits)
    assert (problem.pointer, problem.code) == ("/concurrency/key", "KEY_FROM_UPSTREAM")
    assert not list(key_place_problems({"env": {"K": "${upstream.a"}}, limits))  # said of the parameters
