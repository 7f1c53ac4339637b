"""Dependencies as JSON."""

from __future__ import annotations

from functools import partial

from application.scheduling.documents import Document, at, duration_or_none
from domain.scheduling.dependency import Dependencies, Edge, EdgeType, Join, Match, MatchType, OnUnsatisfied
from domain.shared.errors import FieldProblem, Invalid
from domain.timing.duration import format_duration


class MatchDocument(Document, frozen=True, kw_only=True):
    """Which fires of an upstream are meant that is no part of the same run.

    `maxAge` belongs to LATEST, `window` to ALL_IN.
    """

    type: MatchType
    max_age: str | None = None
    window: str | None = None


class DependencyDocument(Document, frozen=True, kw_only=True):
    """One upstream, by name or id. `condition` is an expression over `status`, `result` and `parameters`."""

    job: str
    type: EdgeType = EdgeType.SUCCESS
    condition: str | None = None
    match: MatchDocument | None = None


class DependencyPolicyDocument(Document, frozen=True, kw_only=True):
    """How dependencies are joined; the rest is for tasks of a schedule, which wait until the next one, or a day."""

    join: Join = Join.ALL
    at_least: int | None = None
    wait_timeout: str | None = None
    on_unsatisfied: OnUnsatisfied = OnUnsatisfied.SKIP


def dependencies_of(edges: list[DependencyDocument], policy: DependencyPolicyDocument) -> Dependencies:
    """The domain's. Raises `Invalid` with pointers relative to the job's document."""
    return Dependencies(
        edges=tuple(at(f"/dependencies/{place}", partial(_edge, edge)) for place, edge in enumerate(edges)),
        join=policy.join,
        at_least=policy.at_least,
        wait_timeout=at("/dependencyPolicy", lambda: duration_or_none(policy.wait_timeout, "/waitTimeout")),
        on_unsatisfied=policy.on_unsatisfied,
    )


def dependency_documents_of(dependencies: Dependencies) -> list[DependencyDocument]:
    """The edges as they were given."""
    return [
        DependencyDocument(
            job=edge.job,
            type=edge.type,
            condition=edge.condition,
            match=None if edge.match is None else match_document_of(edge.match),
        )
        for edge in dependencies.edges
    ]


def policy_document_of(dependencies: Dependencies) -> DependencyPolicyDocument:
    """What is said about the edges as a whole."""
    wait = dependencies.wait_timeout
    return DependencyPolicyDocument(
        join=dependencies.join,
        at_least=dependencies.at_least,
        wait_timeout=None if wait is None else format_duration(wait),
        on_unsatisfied=dependencies.on_unsatisfied,
    )


def match_of(document: MatchDocument) -> Match:
    """The domain's. Raises `Invalid`."""
    spans = {MatchType.LATEST: ("maxAge", document.max_age), MatchType.ALL_IN: ("window", document.window)}
    name, text = spans.get(document.type, ("", None))
    for other, given in (("maxAge", document.max_age), ("window", document.window)):
        if given is not None and other != name:
            raise Invalid(FieldProblem(f"/{other}", "INVALID_MATCH", f"A match {document.type} has no {other}."))
    return Match(document.type, duration_or_none(text, f"/{name}"))


def match_document_of(match: Match) -> MatchDocument:
    """The match as it was given."""
    span = None if match.span is None else format_duration(match.span)
    return MatchDocument(
        type=match.type,
        max_age=span if match.type is MatchType.LATEST else None,
        window=span if match.type is MatchType.ALL_IN else None,
    )


def _edge(document: DependencyDocument) -> Edge:
    match = document.match
    return Edge(
        job=document.job,
        type=document.type,
        condition=document.condition,
        match=None if match is None else at("/match", lambda: match_of(match)),
    )
