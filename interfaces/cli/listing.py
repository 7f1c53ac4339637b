"""Long lists: cut where a person stops reading, unless all is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from itertools import islice
from typing import Any, TypeVar

import click

from interfaces.cli.output import Columns, Document, print_list
from interfaces.cli.session import Session

R = TypeVar("R")


def takes_limit(command: Callable[..., R]) -> Callable[..., R]:
    """`--limit` and `--all`; the command is handed one `limit`, None for all."""

    @wraps(command)
    def run(*arguments: Any, limit: int, everything: bool, **options: Any) -> R:
        return command(*arguments, limit=None if everything else limit, **options)

    most = click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
    return most(click.option("--all", "everything", is_flag=True, help="All of them, however many.")(run))


def print_some(session: Session, documents: Iterable[Document], limit: int | None, columns: Columns, name: str) -> None:
    """Reads no more of `documents` than is shown, but for one that tells that there are more."""
    found = list(islice(documents, None if limit is None else limit + 1))
    print_list(session, found[:limit], columns, name)
    if limit is not None and len(found) > limit:
        click.echo(f"there are more than these {limit}: --all shows them", err=True)
