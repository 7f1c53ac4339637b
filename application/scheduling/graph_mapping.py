"""What a job depends on, as it is stored beside the job: short, because thousands are read at once."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.scheduling.dependency import EdgeType, Join, Match, MatchType, OnUnsatisfied
from domain.scheduling.graph import Dependent, Link
from domain.scheduling.ids import JobId


class _Link(NamedTuple):
    upstream: UUID
    name: str
    type: EdgeType
    condition: str | None
    match: MatchType | None
    span: timedelta | None


class _Dependent(msgspec.Struct, array_like=True, frozen=True):
    name: str
    follows: bool
    links: list[_Link]
    join: Join
    at_least: int | None
    wait_timeout: timedelta | None
    on_unsatisfied: OnUnsatisfied
    reads: bool


_decoder = msgspec.json.Decoder(_Dependent)


def encode_dependent(dependent: Dependent) -> str:
    """As JSON text; equal dependents have equal texts."""
    links = [
        _Link(link.upstream, link.name, link.type, link.condition, *_parts(link.match)) for link in dependent.links
    ]
    document = _Dependent(
        dependent.name,
        dependent.follows,
        links,
        dependent.join,
        dependent.at_least,
        dependent.wait_timeout,
        dependent.on_unsatisfied,
        dependent.reads,
    )
    return msgspec.json.encode(document).decode()


def decode_dependent(job_id: UUID, text: str) -> Dependent:
    """The inverse of `encode_dependent`."""
    d = _decoder.decode(text)
    return Dependent(
        job_id=JobId(job_id),
        name=d.name,
        follows=d.follows,
        links=tuple(
            Link(
                upstream=JobId(link.upstream),
                name=link.name,
                type=link.type,
                condition=link.condition,
                match=None if link.match is None else Match(link.match, link.span),
            )
            for link in d.links
        ),
        join=d.join,
        at_least=d.at_least,
        wait_timeout=d.wait_timeout,
        on_unsatisfied=d.on_unsatisfied,
        reads=d.reads,
    )


def _parts(match: Match | None) -> tuple[MatchType | None, timedelta | None]:
    return (None, None) if match is None else (match.type, match.span)
