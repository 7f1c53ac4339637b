"""Settings on the command line: the options by which commands take them, and the commands that show them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from interfaces.cli.launchers import Flag, GivenSettings, Launchers, SettingView
from interfaces.cli.output import Cell, member, print_list
from interfaces.cli.session import FORMATS, present_session

R = TypeVar("R")

PROFILES = ("dev", "test", "prod")
_Option = Callable[[Callable[..., Any]], Callable[..., Any]]
_OPTIONS: dict[str, tuple[str, _Option]] = {
    "--data-dir": ("data-dir", click.option("--data-dir", type=click.Path(file_okay=False),
                   help="Where its data live; made if missing (default: .scheduler).")),
    "--host": ("server.host", click.option("--host", help="The address to listen on (default: 127.0.0.1).")),
    "--port": ("server.port", click.option("--port", type=click.IntRange(0, 65535), metavar="PORT",
               help="The port to listen on; 0 takes a free one (default: the variable PORT, else 8080).")),
    "--database-url": ("database.url", click.option("--database-url", metavar="URL",
                       help="The database, like postgresql://user:password@host/name (default: DATABASE_URL).")),
    "--profile": ("profile", click.option("--profile", type=click.Choice(PROFILES),
                  help="What it is started for; decides a few defaults (default: dev).")),
}  # fmt: skip
_CONFIG = click.option("--config", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
                       help="Settings in TOML (default: SCHEDULER_CONFIG, else ./scheduler.toml).")  # fmt: skip


class Assignment(click.ParamType[tuple[str, str], str]):
    """A setting and its value, written `retry.max-attempts=5`."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, equals, text = value.partition("=")
        if not key.strip() or not equals:
            self.fail(f"'{value}' sets nothing; write it like retry.max-attempts=5.", param, ctx)
        return key.strip(), text


_SET = click.option("--set", "assignments", type=Assignment(), multiple=True,
                    help="Any setting; `scheduler config view` shows all. Repeatable.")  # fmt: skip


def takes_settings(*names: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Hands a command its `GivenSettings` first. Besides the options named it takes a file, a profile and `--set`."""

    def decorated(command: Callable[..., R]) -> Callable[..., R]:
        chosen = [*names, "--profile"]

        @wraps(command)
        def run(config: Path | None, assignments: tuple[tuple[str, str], ...], **options: Any) -> R:
            given = ((name, options.pop(name.removeprefix("--").replace("-", "_"))) for name in chosen)
            flags = [Flag(name, _OPTIONS[name][0], str(value)) for name, value in given if value is not None]
            flags += [Flag("--set", key, text) for key, text in assignments]
            return command(GivenSettings(config, tuple(flags)), **options)

        taking: Callable[..., R] = _CONFIG(_SET(run))
        for name in reversed(chosen):
            taking = _OPTIONS[name][1](taking)
        return taking

    return decorated


@click.group()
def config() -> None:
    """Show and check the settings that a start from here would have."""


@config.command()
@takes_settings()
@click.option("--show-origin", is_flag=True, help="Show where each value comes from.")
@click.option("--output", "-o", type=click.Choice(FORMATS), help="Form of the output (default: table).")
@click.pass_context
def view(ctx: click.Context, settings: GivenSettings, show_origin: bool, output: str | None) -> None:
    """Show every setting and its value; passwords are left out."""
    session = present_session().but_with(None, output, None)
    columns: list[tuple[str, Cell]] = [("SETTING", member("name")), ("VALUE", _value)]
    if show_origin:
        columns.append(("FROM", member("origin")))
    print_list(session, [_document(each, show_origin) for each in _launchers(ctx).settings(settings)], columns, "name")


@config.command()
@takes_settings()
@click.option("--target", type=click.Choice(["dev", "server"]), default="dev", show_default=True,
              help="Also check for what this command needs.")  # fmt: skip
@click.pass_context
def validate(ctx: click.Context, settings: GivenSettings, target: str) -> None:
    """Check the settings: file, environment and flags together."""
    known = _launchers(ctx).settings(settings, for_server=target == "server")
    changed = sum(each.origin != "default" and not each.origin.startswith("profile") for each in known)
    click.echo(f"The settings are valid; {changed} of {len(known)} are not at their default.")


def _document(setting: SettingView, show_origin: bool) -> dict[str, object]:
    document = {"name": setting.name, "value": setting.value}
    return document | {"origin": setting.origin} if show_origin else document


def _value(document: Any) -> str:
    value = document["value"]
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, list) and value else member("value")(document if value != [] else {})


def _launchers(ctx: click.Context) -> Launchers:
    launchers: Launchers = ctx.obj
    return launchers
