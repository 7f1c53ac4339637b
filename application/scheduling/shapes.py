"""What does not fit the shape of a document: where it stands, and what would fit there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import cast

import msgspec
from msgspec import inspect

from domain.shared.errors import FieldProblem

_PATH = re.compile(r" - at `(key in )?\$(?P<path>.*)`$")
_STEP = re.compile(r"\.(?P<field>[^.\[]+)|\[(?P<place>\d+)\]|(?P<any>\[\.\.\.\])")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`$", re.DOTALL)
_NO_CHOICE = re.compile(r"Invalid (enum )?value ")

Steps = Sequence[re.Match[str]]


def shape_problem(message: str, shape: object = None, text: bytes | str = b"null") -> FieldProblem:
    """A decoder's message about `text` as a problem: its path becomes a JSON pointer.

    With the `shape` that was expected the problem says what is allowed: the known fields, or the known values.
    """
    found = _PATH.search(message)
    said = message if found is None else message[: found.start()]
    steps = [] if found is None else list(_STEP.finditer(found["path"]))
    pointer = "".join(f"/{step['field'] or step['place'] or '*'}" for step in steps)
    if unknown := _UNKNOWN.match(said):
        name = unknown["field"]
        known = [field.encode_name for struct in _structs(_types_at(shape, text, steps)) for field in struct.fields]
        return FieldProblem(f"{pointer}/{_escaped(name)}", "MALFORMED", f"{said}. {_known_fields(name, known)}".strip())
    if _NO_CHOICE.match(said):
        choices = sorted(set(_choices(_types_at(shape, text, steps), steps)))
        said += f"; it is one of {', '.join(choices)}" if choices else ""
    return FieldProblem(pointer, "MALFORMED", f"{said}.")


def _known_fields(name: str, known: Sequence[str]) -> str:
    if not known:
        return ""
    near = get_close_matches(name, known, n=1)
    return f"Did you mean `{near[0]}`?" if near else f"Known here: {', '.join(known)}."


def _choices(types: Sequence[inspect.Type], steps: Steps) -> Iterator[str]:
    for type_ in types:
        if isinstance(type_, inspect.EnumType):
            yield from (str(choice.value) for choice in type_.cls)
        elif isinstance(type_, inspect.LiteralType):
            yield from map(str, type_.values)
        elif isinstance(type_, inspect.StructType) and steps and type_.tag_field == steps[-1]["field"]:
            yield str(type_.tag)


def _types_at(shape: object, text: bytes | str, steps: Steps) -> list[inspect.Type]:
    """What may stand where `steps` lead; of variants with a tag only the one that `text` chose."""
    if shape is None:
        return []
    value = _value(text)
    types = _variants(inspect.type_info(shape), value)
    for step in steps:
        inner: object = None
        if isinstance(value, dict):
            inner = cast(dict[str, object], value).get(step["field"])
        elif isinstance(value, list) and step["place"] is not None:
            inner = cast(list[object], value)[int(step["place"])]
        below = [variant for type_ in types for t in _inside(type_, step) for variant in _variants(t, inner)]
        if not below:  # the tag of the variants: it is no field of theirs
            return types
        types, value = below, inner
    return types


def _value(text: bytes | str) -> object:
    try:
        value: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):  # what comes after the place may be worse
        return None
    return value


def _variants(type_: inspect.Type, value: object) -> list[inspect.Type]:
    variants = list(type_.types) if isinstance(type_, inspect.UnionType) else [type_]
    chosen = [
        struct
        for struct in _structs(variants)
        if struct.tag_field is not None
        and isinstance(value, dict)
        and cast(dict[str, object], value).get(struct.tag_field) == struct.tag
    ]
    return list(chosen) or variants


def _structs(types: Sequence[inspect.Type]) -> list[inspect.StructType]:
    return [type_ for type_ in types if isinstance(type_, inspect.StructType)]


def _inside(type_: inspect.Type, step: re.Match[str]) -> list[inspect.Type]:
    match type_:
        case inspect.StructType():
            return [field.type for field in type_.fields if field.encode_name == step["field"]]
        case inspect.ListType() | inspect.VarTupleType() if step["place"] is not None:
            return [type_.item_type]
        case inspect.DictType():
            return [type_.value_type]
        case _:
            return []


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
