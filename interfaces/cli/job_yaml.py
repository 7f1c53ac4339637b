"""YAML that means what JSON can say: the core schema of YAML 1.2, so that `12:30`, `no` and a date stay text."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as BaseLoader  # ten times as fast
except ImportError:  # PyYAML built without the library in C
    from yaml import SafeLoader as BaseLoader  # type: ignore[assignment]

_DEEPEST = 100
_MOST_VALUES = 1_000_000  # aliases can make a few lines stand for billions


class NotJson(ValueError):
    """Well-formed YAML that no JSON document can hold, or that is no job; `mark` is where."""

    def __init__(self, reason: str, mark: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mark = mark


class JobLoader(BaseLoader):
    """Safe, in the core schema, with text keys that occur once in a mapping."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    yaml_constructors = dict(BaseLoader.yaml_constructors)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.tag != "tag:yaml.org,2002:str":
                raise NotJson("a key is text: put it in quotes", key.start_mark)
            if key.value in seen:
                raise NotJson(f"'{key.value}' stands here a second time", key.start_mark)
            seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)


CORE_SCHEMA = tuple(
    (tag, re.compile(rf"(?:{pattern})\Z"), first)
    for tag, pattern, first in (
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        ("int", r"[-+]?[0-9]{1,300}|0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}", list("-+0123456789")),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,2})?", list("-+.0123456789")),
        ("merge", r"<<", ["<"]),
    )
)
"""What is not text though it has no quotes: the tag, what it looks like, the characters it may begin with."""

for _tag, _pattern, _first in CORE_SCHEMA:
    JobLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, _first)
JobLoader.add_constructor("tag:yaml.org,2002:int", _integer)
for _tag in ("timestamp", "binary", "set", "omap", "pairs"):
    JobLoader.yaml_constructors.pop(f"tag:yaml.org,2002:{_tag}", None)


_PAIR = re.compile(rb"(?<!\\)(?P<before>(?:\\\\)*)(?P<pair>\\u[dD][89abAB]..\\u[dD][c-fC-F]..)")


def as_yaml(content: bytes) -> bytes:
    """JSON is YAML but for one thing: its escapes of a character in two halves; those are written out."""
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return content
    return _PAIR.sub(lambda match: match["before"] + str(json.loads(b'"%b"' % match["pair"])).encode(), content)


def check_depth(content: bytes) -> None:
    """Refuses what is nested so deeply that building it would exhaust the stack, which libyaml does not survive."""
    depth = 0
    for event in yaml.parse(content, Loader=JobLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise NotJson(f"nested deeper than {_DEEPEST} levels", event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def check_aliases(node: yaml.Node) -> None:
    """Refuses a document that contains itself, or that its aliases blow up."""
    values, depth = _extent(node, {})
    if values > _MOST_VALUES:
        raise NotJson(f"its aliases stand for more than {_MOST_VALUES} values", node.start_mark)
    if depth > _DEEPEST:
        raise NotJson(f"its aliases nest deeper than {_DEEPEST} levels", node.start_mark)


def _extent(node: yaml.Node, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """The number of values and levels once every alias is written out; `known` has None for what is being counted."""
    if isinstance(node, yaml.ScalarNode):
        return 1, 0
    if id(node) in known:
        extent = known[id(node)]
        if extent is None:
            raise NotJson("it contains itself", node.start_mark)
        return extent
    known[id(node)] = None
    pairs = isinstance(node, yaml.MappingNode)
    values, depth = 1, 0
    for part in (part for item in node.value for part in (item if pairs else (item,))):
        more, deeper = _extent(part, known)
        values, depth = values + more, max(depth, deeper)
    known[id(node)] = values, depth + 1
    return values, depth + 1
