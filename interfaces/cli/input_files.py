"""Reads what a person names on the command line: a file, or `-` for standard input; never without a bound."""

from __future__ import annotations

from pathlib import Path

import click

from interfaces.cli.exits import USAGE, Failure

STANDARD_INPUT = "-"


def read_input(name: str, limit: int) -> bytes:
    """The content of a file, of at most `limit` bytes; ends the command with the reason when that cannot be."""
    try:
        with click.open_file(name, "rb") as stream:
            content: bytes = stream.read(limit + 1)
    except OSError as error:
        raise Failure(f"cannot read {shown(name)}: {(error.strerror or str(error)).lower()}", USAGE) from error
    if len(content) > limit:
        raise Failure(f"{shown(name)} is longer than {limit // 1024} KiB: that is not what is read here", USAGE)
    return content


def shown(name: str) -> str:
    return "standard input" if name == STANDARD_INPUT else name


def files_below(name: str, suffixes: tuple[str, ...]) -> list[str]:
    """The file itself, or all files with these suffixes below a directory, in order; hidden ones are left out."""
    root = Path(name)
    if name == STANDARD_INPUT or not root.is_dir():
        return [name]
    found = sorted(path for path in root.rglob("*") if path.suffix in suffixes and path.is_file())
    return [str(path) for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts)]
