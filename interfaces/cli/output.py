"""Prints documents of the API: as tables for people, as the API's own JSON or YAML for programs, as names for pipes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import click

from interfaces.cli.session import Session

Document = Mapping[str, Any]
Cell = Callable[[Any], str]
Columns = Sequence[tuple[str, Cell]]

NOTHING = "-"

_COLOURS = {
    "ACTIVE": "green", "COMPLETED": "green", "RUNNING": "cyan", "ASSIGNED": "cyan", "PAUSED": "yellow",
    "WAITING_RETRY": "yellow", "BLOCKED": "yellow", "DISABLED": "red", "FAILED": "red", "TIMEOUT": "red",
    "CANCELLED": "magenta", "SKIPPED": "magenta",
}  # fmt: skip


def print_list(session: Session, documents: Iterable[Document], columns: Columns, name: str) -> None:
    """`name` is the member that `-o name` prints."""
    found = list(documents)
    if session.output == "name":
        for document in found:
            click.echo(document.get(name))
    elif session.output == "table":
        if found:
            click.echo(table(found, columns))
        else:
            click.echo("none found", err=True)
    else:
        print_document(session, {"items": found})


def print_one(session: Session, document: Document, fields: Columns, name: str) -> None:
    """One document; in a table a field to a line, without those that hold nothing."""
    if session.output == "name":
        click.echo(document.get(name))
    elif session.output == "table":
        rows = [(label, cell(document)) for label, cell in fields]
        click.echo(_aligned([row for row in rows if row[1] != NOTHING]))
    else:
        print_document(session, document)


def print_document(session: Session, document: Document) -> None:
    """JSON, or YAML if that is asked for."""
    if session.output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), nl=False)
    else:
        import json

        click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def table(documents: Iterable[Document], columns: Columns) -> str:
    rows = [[cell(document) for _, cell in columns] for document in documents]
    return _aligned([[heading for heading, _ in columns], *rows])


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    from tabulate import tabulate

    text = tabulate(rows, tablefmt="plain", disable_numparse=True)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def member(name: str) -> Cell:
    """A cell that shows a member as text, safe for a terminal."""
    return lambda document: clean(document.get(name))


def status(document: Document) -> str:
    return coloured(document.get("status"))


def coloured(status: object) -> str:
    """A status in its colour, if it has one."""
    value = clean(status)
    return click.style(value, fg=_COLOURS.get(value)) if value in _COLOURS else value


def time_of(session: Session, name: str) -> Cell:
    """A cell that shows an instant in the session's zone."""
    return lambda document: in_zone(document.get(name), session.zone)


def in_zone(instant: object, zone: tzinfo) -> str:
    """An instant of the API to the second, with its offset from UTC; text that is none as it is."""
    if not isinstance(instant, str):
        return NOTHING
    try:
        moment = datetime.fromisoformat(instant)
    except ValueError:
        return clean(instant)
    return moment.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")


def clean(value: object) -> str:
    """A value on one line, without what a terminal would obey."""
    if value is None or value == "":
        return NOTHING
    return "".join(character if character.isprintable() else " " for character in str(value))
