"""What a job depends on: its edges, and what they ask of the jobs at their other ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from domain.shared.errors import FieldProblem, raise_all
from domain.timing.duration import format_duration

MOST_EDGES: Final = 100
LONGEST_CONDITION: Final = 1000
LONGEST_WINDOW: Final = timedelta(days=366)
LONGEST_WAIT: Final = timedelta(days=1)
"""How long a scheduled task waits at most for its upstreams, unless its job says otherwise."""


class EdgeType(StrEnum):
    """What an edge asks of its upstream.

    SUCCESS: it completed. COMPLETION: it ran to an end, whichever. FAILURE: it failed or took too long. CONDITIONAL: an
    expression over its end is true. WEAK: it is not under way any more; how it ended, or whether it ran, is all one.
    """

    SUCCESS = "SUCCESS"
    COMPLETION = "COMPLETION"
    FAILURE = "FAILURE"
    CONDITIONAL = "CONDITIONAL"
    WEAK = "WEAK"


class MatchType(StrEnum):
    """Which fires of an upstream that is not part of the same run are meant.

    SAME: that of the same nominal time. LATEST: the latest one, not older than a bound. ALL_IN: all of a window that
    ends with the nominal time. PREVIOUS: the last one before the nominal time.
    """

    SAME = "SAME"
    LATEST = "LATEST"
    ALL_IN = "ALL_IN"
    PREVIOUS = "PREVIOUS"


@dataclass(frozen=True, slots=True)
class Match:
    """`span` is the greatest age of LATEST and the window of ALL_IN; the others have none."""

    type: MatchType
    span: timedelta | None = None

    def __post_init__(self) -> None:
        name = {MatchType.LATEST: "maxAge", MatchType.ALL_IN: "window"}.get(self.type)
        if name is None and self.span is not None:
            raise_all([FieldProblem("", "INVALID_MATCH", f"{self.type} takes neither maxAge nor window.")])
        if name is not None and (self.span is None or not timedelta(0) < self.span <= LONGEST_WINDOW):
            detail = f"{self.type} needs {name}, more than nothing and at most {format_duration(LONGEST_WINDOW)}."
            raise_all([FieldProblem(f"/{name}", "INVALID_MATCH", detail)])


class Join(StrEnum):
    """How many edges have to be satisfied."""

    ALL = "ALL"
    ANY = "ANY"
    AT_LEAST = "AT_LEAST"


class OnUnsatisfied(StrEnum):
    """What becomes of a scheduled task whose dependencies cannot be satisfied, or are not in time."""

    SKIP = "SKIP"
    FAIL = "FAIL"
    RUN = "RUN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One upstream, by name or id as it was given. `condition` is the expression of a CONDITIONAL edge."""

    job: str
    type: EdgeType = EdgeType.SUCCESS
    condition: str | None = None
    match: Match | None = None

    def __post_init__(self) -> None:
        problems = []
        if not 1 <= len(self.job) <= 128:
            problems.append(FieldProblem("/job", "INVALID_NAME", "Name the upstream job, or give its id."))
        if (self.type is EdgeType.CONDITIONAL) != (self.condition is not None):
            wrong = "needs a condition" if self.condition is None else "has no condition; only CONDITIONAL has one"
            problems.append(FieldProblem("/condition", "INVALID_CONDITION", f"An edge of type {self.type} {wrong}."))
        if self.condition is not None and not 1 <= len(self.condition) <= LONGEST_CONDITION:
            detail = f"A condition has 1 to {LONGEST_CONDITION} characters."
            problems.append(FieldProblem("/condition", "INVALID_CONDITION", detail))
        raise_all(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """All edges of a job, and how they are joined. Nothing here needs to know whether the upstreams exist.

    `wait_timeout` and `on_unsatisfied` are for tasks that a schedule has made: None = until the next nominal time, and
    no longer than `LONGEST_WAIT`.
    """

    edges: tuple[Edge, ...] = ()
    join: Join = Join.ALL
    at_least: int | None = None
    wait_timeout: timedelta | None = None
    on_unsatisfied: OnUnsatisfied = OnUnsatisfied.SKIP

    def __bool__(self) -> bool:
        return bool(self.edges)

    @property
    def required(self) -> int:
        """How many edges have to be satisfied."""
        return required(self.join, self.at_least, len(self.edges))

    def problems(self, name: str, trigger: str) -> Sequence[FieldProblem]:
        """What does not fit together, for the job of that name with that type of trigger; pointers are its own."""
        return [*self._edge_problems(name), *self._policy_problems(), *self._trigger_problems(trigger)]

    def _edge_problems(self, name: str) -> list[FieldProblem]:
        problems = []
        if len(self.edges) > MOST_EDGES:
            detail = f"At most {MOST_EDGES} dependencies, not {len(self.edges)}; a WORKFLOW job in between joins more."
            problems.append(FieldProblem("/dependencies", "TOO_MANY_DEPENDENCIES", detail))
        seen: dict[str, int] = {}
        for place, edge in enumerate(self.edges):
            pointer = f"/dependencies/{place}/job"
            if edge.job == name:
                problems.append(FieldProblem(pointer, "SELF_DEPENDENCY", f"Job {name!r} cannot depend on itself."))
            if (first := seen.setdefault(edge.job, place)) != place:
                problems.append(double_edge(pointer, edge.job, first))
        return problems

    def _policy_problems(self) -> list[FieldProblem]:
        problems = []
        at_least = "/dependencyPolicy/atLeast"
        if (self.join is Join.AT_LEAST) != (self.at_least is not None):
            detail = "atLeast belongs to the join AT_LEAST, which needs it."
            problems.append(FieldProblem(at_least, "INVALID_JOIN", detail))
        elif self.at_least is not None and not 1 <= self.at_least <= max(1, len(self.edges)):
            detail = f"atLeast must be 1 to the number of dependencies ({len(self.edges)}), not {self.at_least}."
            problems.append(FieldProblem(at_least, "INVALID_JOIN", detail))
        if self.wait_timeout is not None and not timedelta(seconds=1) <= self.wait_timeout <= LONGEST_WINDOW:
            detail = f"waitTimeout must be at least one second and at most {LONGEST_WINDOW.days} days."
            problems.append(FieldProblem("/dependencyPolicy/waitTimeout", "INVALID_TIMEOUT", detail))
        return problems

    def _trigger_problems(self, trigger: str) -> list[FieldProblem]:
        if trigger == "DEPENDENCY" and not self.edges:
            detail = "A job with the trigger DEPENDENCY needs at least one dependency, or it never runs."
            return [FieldProblem("/dependencies", "DEPENDENCIES_MISSING", detail)]
        if trigger == "MANUAL" and self.edges:
            detail = (
                "A job that runs by hand only never waits for its dependencies. Give it the trigger DEPENDENCY to run"
                " after them, or a schedule."
            )
            return [FieldProblem("/trigger", "DEPENDENCIES_UNUSED", detail)]
        if trigger == "DEPENDENCY":
            return []
        return [
            FieldProblem(f"/dependencies/{place}/match", "MATCH_MISSING", _needs_match(edge.job))
            for place, edge in enumerate(self.edges)
            if edge.match is None
        ]


def _needs_match(job: str) -> str:
    return (
        f"Fires of a schedule are no part of a run of {job!r}: say by match which of its fires is meant, for example"
        ' {"type": "LATEST", "maxAge": "P1D"}.'
    )


def double_edge(pointer: str, job: str, first: int) -> FieldProblem:
    """Two edges lead to one upstream."""
    detail = f"Job {job!r} is named twice, first at place {first}; one edge says all about an upstream."
    return FieldProblem(pointer, "DOUBLE_DEPENDENCY", detail)


def required(join: Join, at_least: int | None, edges: int) -> int:
    """How many of so many edges have to be satisfied."""
    return {Join.ALL: edges, Join.ANY: min(1, edges), Join.AT_LEAST: at_least or edges}[join]
