"""Commands that start a process of the platform or mind its database; the work is the launchers'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from interfaces.cli.config import takes_settings
from interfaces.cli.launchers import DevOptions, GivenSettings, Launchers, RunsToo, ServerOptions, WorkerOptions
from interfaces.cli.parameter_types import Duration
from interfaces.cli.session import SERVER_HELP

_database = takes_settings("--database-url")


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


class Connection(click.ParamType[tuple[str, str], str]):
    """A database, written `name=url`, or `name=@file` for a file that holds the URL."""

    name = "name=url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, _, url = value.partition("=")
        if not name or not url:  # not shown: it may hold a password
            self.fail("write a connection like shop=postgresql://user@host/db, or shop=@FILE.", param, ctx)
        if not url.startswith("@"):
            return name, url
        try:
            return name, Path(url[1:]).read_text().strip()
        except OSError as error:
            self.fail(f"the URL of '{name}' cannot be read from {url[1:]}: {error.strerror}.", param, ctx)


@click.command()
@takes_settings("--data-dir", "--host", "--port")
@click.option("--example", is_flag=True, help="Start with sample jobs.")
@click.pass_context
def dev(ctx: click.Context, settings: GivenSettings, example: bool) -> None:
    """Start everything in one process: server, database file, a worker."""
    ctx.exit(_launchers(ctx).dev(DevOptions(settings, example)))


@click.command()
@takes_settings("--database-url", "--host", "--port")
@click.pass_context
def server(ctx: click.Context, settings: GivenSettings) -> None:
    """Start a server node on a database."""
    ctx.exit(_launchers(ctx).server(ServerOptions(settings)))


@click.command()
@click.option("--server", "-s", "url", metavar="URL", help=SERVER_HELP)
@click.option("--id", "executor_id", metavar="ID", help="The worker's own id (default: the server makes one).")
@click.option("--pool", default="default", show_default=True, help="The pool whose tasks it takes.")
@click.option("--label", "labels", type=Label(), multiple=True, help="What it has; jobs may require it. Repeatable.")
@click.option("--slots", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Tasks at the same time.")
@click.option("--http", is_flag=True, help="Run HTTP tasks too, to addresses of the public internet.")
@click.option("--http-allow-private", is_flag=True, help="Run HTTP tasks too, to any address.")
@click.option("--sql", "databases", type=Connection(), multiple=True,
              help="Run SQL tasks too, on this database; name=@FILE reads its URL. Repeatable.")  # fmt: skip
@click.option("--job-type", "job_types", metavar="NAME", multiple=True,
              help="Run tasks of this type too, which an installed package brings. Repeatable.")  # fmt: skip
@click.option("--drain-timeout", type=Duration(), default="30s", show_default=True,
              help="How long running tasks may take to end once it is told to stop.")  # fmt: skip
@takes_settings()
@click.pass_context
def worker(
    ctx: click.Context,
    settings: GivenSettings,
    url: str | None,
    executor_id: str | None,
    pool: str,
    labels: tuple[tuple[str, str], ...],
    slots: int,
    http: bool,
    http_allow_private: bool,
    databases: tuple[tuple[str, str], ...],
    job_types: tuple[str, ...],
    drain_timeout: float,
) -> None:
    """Start a worker: a process that runs the tasks of COMMAND jobs, and of other types that it is allowed."""
    from scheduler_sdk.server_address import resolve_server

    address = resolve_server(url or ctx.find_root().params.get("server"))
    runs = RunsToo(http or http_allow_private, http_allow_private, dict(databases), job_types)
    options = WorkerOptions(address, executor_id, pool, dict(labels), slots, drain_timeout, settings, runs)
    ctx.exit(_launchers(ctx).worker(options))


@click.group()
def db() -> None:
    """Bring a server's database up to date, or look at it."""


@db.command()
@_database
@click.pass_context
def upgrade(ctx: click.Context, settings: GivenSettings) -> None:
    """Bring the schema up to date."""
    click.echo(_launchers(ctx).db_upgrade(settings))


@db.command()
@_database
@click.pass_context
def current(ctx: click.Context, settings: GivenSettings) -> None:
    """Show the schema's revision and the one wanted."""
    click.echo(_launchers(ctx).db_current(settings))


@db.command()
@_database
@click.pass_context
def sql(ctx: click.Context, settings: GivenSettings) -> None:
    """Print the statements of an upgrade, run none."""
    click.echo(_launchers(ctx).db_sql(settings))


def _launchers(ctx: click.Context) -> Launchers:
    launchers: Launchers = ctx.obj
    return launchers
