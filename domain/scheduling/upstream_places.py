"""Places that an upstream fills: `${upstream.extract.result.rows}`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from domain.scheduling.dependency import Dependencies, MatchType
from domain.scheduling.placeholders import Path, Place, Source
from domain.shared.errors import FieldProblem

MEMBERS: Final = ("result", "status", "parameters")
"""What may be asked of the task of an upstream; conditions on edges know it by the same names."""


def upstream_of(path: Path, names: Collection[str]) -> tuple[str, Path] | None:
    """The upstream that a path begins with, and the rest of it. Names may have dots, so that the longest one counts."""
    for end in range(len(path), 0, -1):
        if (name := ".".join(path[:end])) in names:
            return name, path[end:]
    return None


def upstream_place_problems(found: Sequence[Place], dependencies: Dependencies) -> Iterator[FieldProblem]:
    """What is wrong with those that are to be filled by upstreams; pointers are relative to the parameters."""
    for place in found:
        if place.source is Source.UPSTREAM and (problem := _problem(place, dependencies)) is not None:
            yield problem


def _problem(place: Place, dependencies: Dependencies) -> FieldProblem | None:
    written = f"${{{place.name}}}"
    edges = {edge.job: edge for edge in dependencies.edges}
    if not edges:
        return place.problem("NO_UPSTREAM", f"{written} needs an upstream, and this job depends on none.")
    named = upstream_of(place.path, edges)
    if named is None:
        detail = f"{written} names no upstream of this job; it depends on {', '.join(sorted(edges))}."
        return place.problem("UNKNOWN_UPSTREAM", detail)
    name, rest = named
    match = edges[name].match
    if match is not None and match.type is MatchType.ALL_IN:
        detail = f"{written} is not one value: the edge to {name!r} means all fires of a window."
        return place.problem("INVALID_PLACE", detail)
    if rest[:1] not in {(member,) for member in MEMBERS}:
        detail = f"{written} has to say what of {name!r} it means: one of {', '.join(MEMBERS)}."
        return place.problem("INVALID_PLACE", detail)
    return None
