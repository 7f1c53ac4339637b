"""Commands that start a process of the platform or mind its database; the work is the launchers'."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from interfaces.cli.launchers import DevOptions, Launchers, ServerOptions, WorkerOptions
from interfaces.cli.session import SERVER_HELP

_DURATION = re.compile(r"(?:PT)?(\d+(?:\.\d+)?)(ms|s|m|h)?", re.IGNORECASE)
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

_host = click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
_port = click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, envvar="PORT",
                     show_envvar=True, help="The port to listen on; 0 takes a free one.")  # fmt: skip
_database = click.option("--database-url", metavar="URL", required=True, envvar="DATABASE_URL", show_envvar=True,
                         help="The database, like postgresql://user:password@host/name.")  # fmt: skip


class Duration(click.ParamType[float, str]):
    """Seconds, written `30`, `30s`, `5m` or `PT30S`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        match = _DURATION.fullmatch(value)
        if not match:
            self.fail(f"'{value}' is not a duration; write it like 30s, 5m or PT30S.", param, ctx)
        return float(match[1]) * _UNIT_SECONDS[(match[2] or "s").lower()]


class Label(click.ParamType[tuple[str, str], str]):
    """A label, written `name=value`."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not name or not equals:
            self.fail(f"'{value}' is not a label; write it like region=eu.", param, ctx)
        return name, text


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), default=Path(".scheduler"),
              show_default=True, help="Where its data live; made if missing.")  # fmt: skip
@_host
@_port
@click.option("--example", is_flag=True, help="Start with sample jobs.")
@click.pass_context
def dev(ctx: click.Context, data_dir: Path, host: str, port: int, example: bool) -> None:
    """Start everything in one process: server, database file, a worker."""
    ctx.exit(_launchers(ctx).dev(DevOptions(data_dir, host, port, example)))


@click.command()
@_database
@_host
@_port
@click.pass_context
def server(ctx: click.Context, database_url: str, host: str, port: int) -> None:
    """Start a server node on a database."""
    ctx.exit(_launchers(ctx).server(ServerOptions(database_url, host, port)))


@click.command()
@click.option("--server", "-s", "url", metavar="URL", help=SERVER_HELP)
@click.option("--id", "executor_id", metavar="ID", help="The worker's own id (default: the server makes one).")
@click.option("--pool", default="default", show_default=True, help="The pool whose tasks it takes.")
@click.option("--label", "labels", type=Label(), multiple=True, help="What it has; jobs may require it. Repeatable.")
@click.option("--slots", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Tasks at the same time.")
@click.option("--drain-timeout", type=Duration(), default="30s", show_default=True,
              help="How long running tasks may take to end once it is told to stop.")  # fmt: skip
@click.pass_context
def worker(
    ctx: click.Context,
    url: str | None,
    executor_id: str | None,
    pool: str,
    labels: tuple[tuple[str, str], ...],
    slots: int,
    drain_timeout: float,
) -> None:
    """Start a worker: a process that runs the tasks of COMMAND jobs."""
    from scheduler_sdk.server_address import resolve_server

    address = resolve_server(url or ctx.find_root().params.get("server"))
    options = WorkerOptions(address, executor_id, pool, dict(labels), slots, drain_timeout)
    ctx.exit(_launchers(ctx).worker(options))


@click.group()
def db() -> None:
    """Bring a server's database up to date, or look at it."""


@db.command()
@_database
@click.pass_context
def upgrade(ctx: click.Context, database_url: str) -> None:
    """Bring the schema up to date."""
    click.echo(_launchers(ctx).db_upgrade(database_url))


@db.command()
@_database
@click.pass_context
def current(ctx: click.Context, database_url: str) -> None:
    """Show the schema's revision and the one wanted."""
    click.echo(_launchers(ctx).db_current(database_url))


@db.command()
@_database
@click.pass_context
def sql(ctx: click.Context, database_url: str) -> None:
    """Print the statements of an upgrade, run none."""
    click.echo(_launchers(ctx).db_sql(database_url))


def _launchers(ctx: click.Context) -> Launchers:
    launchers: Launchers = ctx.obj
    return launchers
