"""What a client of the API would stumble over if one description of it took the place of another.

Requests may be widened and answers enriched, never the other way round. Values of an answer's enumeration are an open
set, so a new one breaks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

_ALL = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def breaking_changes(old: Json, new: Json) -> list[str]:
    """A sentence for each."""
    return list(dict.fromkeys(_Comparison(old, new).of_paths()))


class _Comparison:
    def __init__(self, old: Json, new: Json) -> None:
        self._old = old
        self._new = new
        self._seen: set[tuple[str, str, bool]] = set()

    def of_paths(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method, was in methods.items():
                label = f"{method.upper()} {path}"
                now = self._new["paths"].get(path, {}).get(method)
                if now is None:
                    yield f"{label} is gone"
                else:
                    yield from self._of_operation(label, was, now)

    def _of_operation(self, label: str, was: Json, now: Json) -> Iterator[str]:
        if was["operationId"] != now["operationId"]:
            yield f"{label}: operationId {was['operationId']} is now {now['operationId']}"
        yield from self._of_parameters(label, _parameters(was), _parameters(now))
        yield from self._of_request(label, was.get("requestBody", {}), now.get("requestBody", {}))
        for status, response in was["responses"].items():
            if status < "400":
                answers = now["responses"].get(status)
                if answers is None:
                    yield f"{label}: status {status} is gone"
                    continue
                for media_type, content in response.get("content", {}).items():
                    other = answers.get("content", {}).get(media_type)
                    if other is None:
                        yield f"{label}: the answer {media_type} is gone"
                    else:
                        yield from self._of_shape(f"{label} answer", content["schema"], other["schema"], answer=True)

    def _of_parameters(self, label: str, was: Mapping[Any, Json], now: Mapping[Any, Json]) -> Iterator[str]:
        for (name, place), parameter in was.items():
            if (name, place) not in now:
                yield f"{label}: the {place} parameter {name} is gone"
            else:
                about = f"{label} {place} parameter {name}"
                yield from self._of_shape(about, parameter["schema"], now[name, place]["schema"], answer=False)
        for key, parameter in now.items():
            if parameter.get("required") and not was.get(key, {}).get("required"):
                yield f"{label}: the {key[1]} parameter {key[0]} is required"

    def _of_request(self, label: str, was: Json, now: Json) -> Iterator[str]:
        if now.get("required") and not was.get("required"):
            yield f"{label}: a body is required"
        for media_type, content in was.get("content", {}).items():
            other = now.get("content", {}).get(media_type)
            if other is None:
                yield f"{label}: a body {media_type} is refused"
            else:
                yield from self._of_shape(f"{label} body", content["schema"], other["schema"], answer=False)

    def _of_shape(self, at: str, was: Json, now: Json, *, answer: bool) -> Iterator[str]:
        if "$ref" in was and "$ref" in now:
            key = (was["$ref"], now["$ref"], answer)
            if key in self._seen:
                return
            self._seen.add(key)
            at = f"{was['$ref'].rpartition('/')[2]} ({'answer' if answer else 'request'})"
        was, now = _resolved(self._old, was), _resolved(self._new, now)
        old_variants, new_variants = _variants(was), _variants(now)
        if len(old_variants) > 1 or len(new_variants) > 1:
            yield from self._of_variants(at, old_variants, new_variants, answer)
            return
        wider, narrower = (was, now) if answer else (now, was)
        if missing := _types(narrower) - _types(wider):
            yield f"{at}: {_list(missing)} {'may come' if answer else 'is refused'}"
        if not answer:
            yield from _narrowed(at, was, now)
        yield from self._of_members(at, was, now, answer)
        for part in ("items", "additionalProperties"):
            if isinstance(was.get(part), Mapping) and isinstance(now.get(part), Mapping):
                yield from self._of_shape(f"{at} {part}", was[part], now[part], answer=answer)

    def _of_variants(self, at: str, old: Sequence[Json], new: Sequence[Json], answer: bool) -> Iterator[str]:
        """Each variant that was taken must still be; each that is answered must have been possible."""
        for one in new if answer else old:
            others = old if answer else new
            pairs = ((other, one) if answer else (one, other) for other in others)
            named = [pair for pair in pairs if pair[0].get("$ref") and pair[0].get("$ref") == pair[1].get("$ref")]
            if named:
                yield from self._of_shape(at, *named[0], answer=answer)
                continue
            tries = ((other, one) if answer else (one, other) for other in others)
            if "$ref" in one and answer:
                continue  # variants of an answer are an open set, too
            if all(list(_Comparison(self._old, self._new)._of_shape(at, *pair, answer=answer)) for pair in tries):
                name = one.get("$ref", "").rpartition("/")[2] or one.get("type", "a variant")
                yield f"{at}: {name} {'may come' if answer else 'is refused'}"

    def _of_members(self, at: str, was: Json, now: Json, answer: bool) -> Iterator[str]:
        before, after = was.get("properties", {}), now.get("properties", {})
        for name, shape in before.items():
            if name in after:
                yield from self._of_shape(f"{at} {name}", shape, after[name], answer=answer)
            elif answer or now.get("additionalProperties") is False:
                yield f"{at}: the member {name} is gone"
        required, requires = set(was.get("required", ())), set(now.get("required", ()))
        if answer:
            for name in sorted((required - requires) & set(after)):
                yield f"{at}: the member {name} may be missing"
        else:
            for name in sorted(requires - required):
                yield f"{at}: the member {name} is required"


def _narrowed(at: str, was: Json, now: Json) -> Iterator[str]:
    for bound in _LOWER_BOUNDS:
        if bound in now and not (bound in was and now[bound] <= was[bound]):
            yield f"{at}: {bound} is {now[bound]}"
    for bound in _UPPER_BOUNDS:
        if bound in now and not (bound in was and now[bound] >= was[bound]):
            yield f"{at}: {bound} is {now[bound]}"
    if "pattern" in now and now["pattern"] != was.get("pattern"):
        yield f"{at}: the pattern is {now['pattern']}"
    for word in ("enum", "const"):
        values = now.get(word)
        known = values if isinstance(values, list) else [values]
        former = was.get(word, ...)
        if values is not None and former is ...:
            yield f"{at}: only {_list(known)} is taken"
        elif values is not None:
            gone = [value for value in (former if isinstance(former, list) else [former]) if value not in known]
            if gone:
                yield f"{at}: {_list(gone)} is refused"


def _parameters(operation: Json) -> dict[tuple[str, str], Json]:
    return {(parameter["name"], parameter["in"]): parameter for parameter in operation.get("parameters", ())}


def _resolved(document: Json, shape: Json) -> Json:
    while "$ref" in shape:
        shape = document["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
    return shape


def _variants(shape: Json) -> list[Json]:
    return list(shape.get("anyOf") or shape.get("oneOf") or [shape])


def _types(shape: Json) -> frozenset[str]:
    types = shape.get("type", _ALL)
    found = frozenset({types} if isinstance(types, str) else types)
    return found | {"integer"} if "number" in found else found


def _list(values: Any) -> str:
    return ", ".join(str(value) for value in (sorted(values) if isinstance(values, frozenset) else values))
