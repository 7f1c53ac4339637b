"""Places in parameters, filled when a task is made: `${event.data.customer}`, `${event.data.region:eu}`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

from domain.shared.errors import FieldProblem, Invalid
from domain.shared.json_value import JsonObject, JsonValue

MOST_PLACES: Final = 100
"""Of one job: each may bring a whole event."""


class Source(StrEnum):
    """What places are filled from. Any other `${…}` is plain text here, for example a variable of a shell."""

    EVENT = "event"
    UPSTREAM = "upstream"


Path = tuple[str, ...]

Values = Callable[[Path], JsonValue]
"""What a source has under a path. Raises `LookupError` where it has nothing."""

Way = tuple[str | int, ...]
"""Names and positions from the parameters down to one text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`${SOURCE.PATH}` or `${SOURCE.PATH:DEFAULT}` in the text that `way` leads to, from `start` to before `end`."""

    way: Way
    source: Source
    path: Path
    default: str | None
    start: int
    end: int

    @property
    def name(self) -> str:
        """For example `event.data.customer`."""
        return ".".join((self.source, *self.path))

    def problem(self, code: str, detail: str) -> FieldProblem:
        """Something wrong with it; the pointer is relative to the parameters."""
        return FieldProblem(pointer(self.way), code, detail, self.start)


def places(parameters: JsonObject, of: Source | None = None) -> Sequence[Place]:
    """All of them, or those of one source.

    Raises `Invalid` for those that are malformed, of whatever source; pointers are relative to the parameters.
    """
    found, problems = list[Place](), list[FieldProblem]()
    for way, text in _texts(parameters):
        for each in _in_text(way, text) if "${" in text else ():
            if isinstance(each, Place):
                found.append(each)
            else:
                problems.append(each)
    if len(found) > MOST_PLACES:
        detail = f"The parameters have {len(found)} places to be filled; allowed are {MOST_PLACES}."
        problems.append(FieldProblem("", "TOO_MANY_PLACES", detail))
    if problems:
        raise Invalid(*problems)
    return [place for place in found if of in (None, place.source)]


def has_places(text: str, source: Source) -> bool:
    """Whether it is worth looking for places of that source in this JSON text."""
    return f"${{{source}." in text


def member(document: JsonValue) -> Values:
    """The values inside a document; a number as a name is a position in a list."""

    def value(path: Path) -> JsonValue:
        here = document
        for name in path:
            if isinstance(here, Mapping):
                here = here[name]
            elif isinstance(here, Sequence) and not isinstance(here, str) and _POSITION.fullmatch(name):
                here = here[int(name)]
            else:
                raise LookupError(name)
        return here

    return value


def nothing(path: Path) -> JsonValue:
    """The values of a source that is not there."""
    raise LookupError(path)


def missing(found: Sequence[Place], values: Values) -> Sequence[Place]:
    """Those of the places for which there is no value, and which have no default."""
    return [place for place in found if place.default is None and not _has(values, place.path)]


def filled(
    parameters: JsonObject, found: Sequence[Place], values: Values, texts: frozenset[str] = frozenset()
) -> JsonObject:
    """The parameters with these places filled, none of which is `missing`.

    A text that is nothing but a place becomes the value, whatever its type; in a longer one, and everywhere within
    the parameters named by `texts`, it becomes text: null is empty, lists and objects are written as JSON. What has
    come in is never looked at for places again.
    """
    by_text: dict[Way, list[Place]] = {}
    for place in found:
        by_text.setdefault(place.way, []).append(place)
    whole: JsonValue = parameters
    for way, own in by_text.items():
        whole = _with_filled(whole, way, own, values, as_text=way[0] in texts)
    return cast(JsonObject, whole)


def pointer(way: Way) -> str:
    """As JSON pointers are written, relative to the parameters."""
    return "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in way)


_PLACE: Final = re.compile(r"\$\{(" + "|".join(Source) + r")\.([^}:]*)(?::([^}]*))?(\}?)")
_PATH: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_POSITION: Final = re.compile(r"[0-9]{1,9}")


def _texts(parameters: JsonObject) -> Iterator[tuple[Way, str]]:
    """In order, and without recursion: how deep parameters may be nested is not for this to say."""
    waiting: list[tuple[Way, JsonValue]] = [((), parameters)]
    while waiting:
        way, value = waiting.pop()
        if isinstance(value, str):
            yield way, value
        elif isinstance(value, Mapping):
            waiting += [((*way, name), each) for name, each in reversed(list(value.items()))]
        elif isinstance(value, Sequence):
            waiting += [((*way, index), value[index]) for index in reversed(range(len(value)))]


def _in_text(way: Way, text: str) -> Iterator[Place | FieldProblem]:
    sources = set[str]()
    for match in _PLACE.finditer(text):
        source, path, default, end = match.groups()
        sources.add(source)
        if not end:
            detail = f"A place that begins with ${{{source}. must end with }}; with a space after {{ it is mere text."
        elif not _PATH.fullmatch(path):
            detail = f"{match[0]} names nothing; places look like ${{{source}.data.customer}}, names joined by dots."
        elif len(sources) > 1:  # they are filled one after the other, and what came in first is not looked at again
            detail = f"A text has places of one source; this one has {' and '.join(sorted(sources))}."
        else:
            name = tuple(path.split("."))
            start, stop = match.span()
            yield Place(way=way, source=Source(source), path=name, default=default, start=start, end=stop)
            continue
        yield FieldProblem(pointer(way), "INVALID_PLACE", detail, match.start())


def _with_filled(whole: JsonValue, way: Way, own: Sequence[Place], values: Values, *, as_text: bool) -> JsonValue:
    """A copy of all that lies on the way, with the text at its end filled."""
    passed = [whole]
    for name in way:
        here = passed[-1]
        passed.append(here[str(name)] if isinstance(here, Mapping) else cast(Sequence[JsonValue], here)[int(name)])
    new = _filled_text(str(passed.pop()), own, values, as_text=as_text)
    for name, here in zip(reversed(way), reversed(passed), strict=True):
        if isinstance(here, Mapping):
            new = {**here, str(name): new}
        else:
            of = list(cast(Sequence[JsonValue], here))
            new = [*of[: int(name)], new, *of[int(name) + 1 :]]
    return new


def _filled_text(text: str, own: Sequence[Place], values: Values, *, as_text: bool) -> JsonValue:
    if not as_text and (own[0].start, own[0].end) == (0, len(text)):
        return _value(own[0], values)
    parts, last = list[str](), 0
    for place in own:
        parts += (text[last : place.start], _as_text(_value(place, values)))
        last = place.end
    return "".join((*parts, text[last:]))


def _value(place: Place, values: Values) -> JsonValue:
    try:
        return values(place.path)
    except LookupError:
        return place.default


def _as_text(value: JsonValue) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _has(values: Values, path: Path) -> bool:
    try:
        values(path)
    except LookupError:
        return False
    return True
