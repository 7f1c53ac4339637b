"""The order in which documents of jobs are applied: upstreams come before what depends on them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class _Edge(msgspec.Struct):
    job: str = ""


class _Named(msgspec.Struct):
    name: str = ""
    dependencies: list[_Edge] = msgspec.field(default_factory=list)


def name_in(text: bytes) -> str:
    """The name in a document that may be refused, as far as it can be read."""
    return _named(text).name


def upstreams_first(documents: Sequence[bytes]) -> list[int]:
    """The places of the documents, those of upstreams before those that name them, else as they come.

    On a circle somebody is the first, and is refused when its turn comes.
    """
    named = [_named(text) for text in documents]
    places = {each.name: place for place, each in enumerate(named)}
    order: dict[int, None] = {}
    for first in range(len(named)):
        way, entered = [first], {first}
        while way:
            upstreams = (places.get(edge.job) for edge in named[way[-1]].dependencies)
            following = next((p for p in upstreams if p is not None and p not in order and p not in entered), None)
            if following is None:
                order.setdefault(way.pop())
            else:
                entered.add(following)
                way.append(following)
    return list(order)


def _named(text: bytes) -> _Named:
    try:
        return msgspec.json.decode(text, type=_Named)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _without_edges(text)


def _without_edges(text: bytes) -> _Named:
    try:
        return _Named(name=msgspec.json.decode(text, type=_NameOnly).name)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _Named()


class _NameOnly(msgspec.Struct):
    name: str = ""
