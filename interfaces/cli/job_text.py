"""Jobs as text: YAML that `jobs apply` reads back as exactly what it was, and the differences of two jobs in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from interfaces.cli.job_yaml import CORE_SCHEMA

_OTHER_BREAKS = frozenset("\x85\u2028\u2029")  # line breaks in YAML 1.1, and to some readers of 1.2

Documents = Iterable[Mapping[str, Any]]


class _Dumper(yaml.SafeDumper):
    """Puts in quotes what a reader of YAML 1.1 or of 1.2 would not take for text; writes scripts as they look."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if _OTHER_BREAKS & set(value) else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


_Dumper.add_representer(str, _text)
for _tag, _pattern, _first in CORE_SCHEMA:
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, _first)


def as_text(documents: Documents) -> str:
    """The documents as YAML, with a line between them."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def differences(before: Mapping[str, Any], after: Mapping[str, Any], origin: str, target: str) -> Iterator[str]:
    """Lines of a unified diff; none if both say the same. An empty mapping stands for no job."""
    old, new = (as_text([job]).splitlines() if job else [] for job in (before, after))
    return difflib.unified_diff(old, new, origin, target, lineterm="")
