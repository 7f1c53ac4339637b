"""Settings in a TOML file: every value by its complete name, with the line it stands on."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_FILE = "scheduler.toml"
"""Read from the working directory if it is there and no other is named."""

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_TABLE = re.compile(r"\s*\[(?P<name>[^\[\]]+)\]\s*(#.*)?")
_VALUE = re.compile(rf"\s*(?P<name>{_PART}(\s*\.\s*{_PART})*)\s*=")


class UnreadableFile(Exception):
    """The file is not there, may not be read, or is no TOML; the message says which, and where."""


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """`values` by complete name; tables are gone into the names."""

    path: Path
    values: Mapping[str, object]
    lines: Mapping[str, int]

    def place_of(self, name: str) -> str:
        """The file and the line, or that of the nearest table around it."""
        while name:
            if line := self.lines.get(name):
                return f"{self.path}:{line}"
            name = name.rpartition(".")[0]
        return str(self.path)


def read_settings_file(path: Path) -> SettingsFile:
    """Raises `UnreadableFile`."""
    try:
        text = path.read_text(encoding="utf-8")
        values = dict(_flat(tomllib.loads(text), ""))
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UnreadableFile(f"{path} is not UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise UnreadableFile(f"{path} is not TOML: {error}.") from None
    return SettingsFile(path, values, dict(reversed(list(_lines(text)))))


def _flat(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        elif value != {}:
            yield f"{prefix}{name}", value


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Names and lines as they stand; good enough to point with, the values themselves come from the parser."""
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TABLE.fullmatch(line):
            table = _name(found["name"])
            yield table, number
        elif found := _VALUE.match(line):
            name = _name(found["name"])
            yield f"{table}.{name}" if table else name, number


def _name(text: str) -> str:
    """A dotted key without quotes and spaces."""
    try:
        found = next(iter(_flat(tomllib.loads(f"{text} = 0"), "")))[0]
    except tomllib.TOMLDecodeError:
        return text.strip()
    return found
