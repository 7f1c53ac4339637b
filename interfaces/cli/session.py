"""What every command that calls the server shares: which server, which form of output, which zone of times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from scheduler_sdk.client import Client

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("table", "json", "yaml", "name")
SERVER_HELP = "The server (default: SCHEDULER_URL, else http://127.0.0.1:8080)."
_KEY = "platform-scheduler.session"


@dataclass(frozen=True, slots=True)
class Session:
    """Given once before the command or after it; what stands after it wins."""

    server: str | None = None
    output: str = "table"
    zone: tzinfo = UTC

    def client(self) -> Client:
        """A client to be used in a `with` block; its library is loaded here, for `--help` does without."""
        from scheduler_sdk.client import Client

        return Client(self.server)

    def but_with(self, server: str | None, output: str | None, zone: tzinfo | None) -> Session:
        return replace(
            self, server=server or self.server, output=output or self.output, zone=self.zone if zone is None else zone
        )


class Zone(click.ParamType[tzinfo, str]):
    """An IANA time zone by its name."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tzinfo:
        from zoneinfo import ZoneInfo

        if isinstance(value, tzinfo):
            return value
        if value.upper() in ("UTC", "Z"):
            return UTC
        try:
            return ZoneInfo(value)
        except (OSError, ValueError, LookupError):
            self.fail(f"'{value}' is not a time zone; write its IANA name, like Europe/Berlin.", param, ctx)


def session_options(function: F) -> F:
    """`--server`, `--output` and `--tz`."""
    for option in (
        click.option("--tz", "zone", type=Zone(), metavar="ZONE", help="Show times in this zone (default: UTC)."),
        click.option("--output", "-o", type=click.Choice(FORMATS), help="Form of the output (default: table)."),
        click.option("--server", "-s", metavar="URL", help=SERVER_HELP),
    ):
        function = option(function)
    return function


def open_session(context: click.Context, server: str | None, output: str | None, zone: tzinfo | None) -> None:
    """Keeps the options given before a command for it."""
    context.meta[_KEY] = Session().but_with(server, output, zone)


def present_session() -> Session:
    """What was given before the command."""
    session: Session = click.get_current_context().meta.get(_KEY, Session())
    return session


def calls_server(command: Callable[..., R]) -> Callable[..., R]:
    """Hands a command its `Session` first, and lets the session's options stand after its name too."""

    @wraps(command)
    def run(server: str | None, output: str | None, zone: tzinfo | None, **options: Any) -> R:
        return command(present_session().but_with(server, output, zone), **options)

    return session_options(run)
