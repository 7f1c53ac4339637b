"""Commands that look at the locks which users share, and free those of holders that died."""

from __future__ import annotations

import click

from interfaces.cli.listing import print_some, takes_limit
from interfaces.cli.output import Cell, Columns, clean, member
from interfaces.cli.session import Session, calls_server


@click.group()
def locks() -> None:
    """Look at the locks and semaphores that users share."""


@locks.command("list")
@takes_limit
@calls_server
def list_locks(session: Session, limit: int | None) -> None:
    """List the locks that are held, and by whom."""
    columns: Columns = (
        ("LOCK", member("name")),
        ("HELD", lambda lock: f"{len(lock.get('holders') or [])}/{lock.get('permits', 1)}"),
        ("HOLDERS", _of_holders("owner")),
        ("TOKENS", _of_holders("token")),
    )
    with session.client() as client:
        print_some(session, client.locks(), limit, columns, "name")


@locks.command()
@click.argument("name")
@click.argument("token", type=click.IntRange(1))
@calls_server
def release(session: Session, name: str, token: int) -> None:
    """Free a lock whose holder will not do it any more; `locks list` shows its token."""
    with session.client() as client:
        freed = client.release_lock(name, token)
    click.echo(f"{clean(name)} is released" if freed else f"{clean(name)} was not held with token {token}")


def _of_holders(what: str) -> Cell:
    return lambda lock: clean(", ".join(str(holder.get(what)) for holder in lock.get("holders") or []))
