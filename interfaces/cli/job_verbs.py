"""Commands that act on jobs: one line for each job, and the first failure's exit code when all have been tried."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from interfaces.cli.failures import exit_code_of, failure_of
from interfaces.cli.output import Document, clean, in_zone, print_document
from interfaces.cli.parameter_types import JsonObject
from interfaces.cli.session import Session, calls_server
from scheduler_sdk.client_errors import ApiError

if TYPE_CHECKING:
    from scheduler_sdk.client import Client


# Written out, so that commands load nothing of the server; a test compares them with the policies.
_OVERLAP_POLICIES = ("ALLOW", "SKIP", "BUFFER_ONE", "BUFFER_ALL", "CANCEL_OTHER", "TERMINATE_OTHER")

_names = click.argument("names", metavar="JOB...", nargs=-1, required=True)
_reason = click.option("--reason", metavar="TEXT", help="Why; kept and shown with the job.")


@click.command()
@_names
@click.option("--parameters", type=JsonObject(), metavar="JSON", help="Instead of the job's own, for this run.")
@click.option("--overlap", type=click.Choice(_OVERLAP_POLICIES), help="Instead of the job's own policy, for this run.")
@calls_server
def run(session: Session, names: tuple[str, ...], parameters: dict[str, Any] | None, overlap: str | None) -> None:
    """Run jobs now, whatever their schedule."""
    each(
        session,
        names,
        lambda client, name: client.trigger(name, parameters=parameters, overlap=overlap),
        lambda _, name, task: f"{name} runs as task {task['id']}\nfollow it: scheduler tasks logs -f {task['id']}",
    )


@click.command()
@_names
@_reason
@calls_server
def pause(session: Session, names: tuple[str, ...], reason: str | None) -> None:
    """Stop the fires of jobs; their tasks go on."""
    each(session, names, lambda client, name: client.pause(name, reason=reason), _is_now)


@click.command()
@_names
@calls_server
def resume(session: Session, names: tuple[str, ...]) -> None:
    """Let paused jobs fire again, from now on."""
    each(session, names, lambda client, name: client.resume(name), _is_now)


@click.command()
@_names
@calls_server
def activate(session: Session, names: tuple[str, ...]) -> None:
    """Put created or disabled jobs into service."""
    each(session, names, lambda client, name: client.activate(name), _is_now)


@click.command()
@_names
@click.option("--reason", metavar="TEXT", required=True, help="Why; kept and shown with the job.")
@calls_server
def disable(session: Session, names: tuple[str, ...], reason: str) -> None:
    """Take jobs out of service: no fires, no runs by hand."""
    each(session, names, lambda client, name: client.disable(name, reason=reason), _is_now)


@click.command()
@_names
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@calls_server
def delete(session: Session, names: tuple[str, ...], yes: bool) -> None:
    """Delete jobs; their history stays."""
    if not yes and sys.stdin.isatty():
        click.confirm(f"Delete {', '.join(names)}?", abort=True)
    each(session, names, lambda client, name: client.delete(name), lambda _, name, __: f"{name} is deleted")


def each(
    session: Session,
    names: tuple[str, ...],
    act: Callable[[Client, str], Any],
    tell: Callable[[Session, str, Document], str],
) -> None:
    """Acts on one after the other and tells of each; ends with the first failure's exit code."""
    first_failure = 0
    with session.client() as client:
        for name in names:
            try:
                document = act(client, name)
            except ApiError as error:
                failure_of(error).show()
                first_failure = first_failure or exit_code_of(error)
                continue
            if session.output == "table":
                click.echo(tell(session, name, document))
            elif session.output == "name":
                click.echo(document.get("name") or document["id"])
            else:
                print_document(session, document)
    if first_failure:
        raise click.exceptions.Exit(first_failure)


def _is_now(session: Session, name: str, job: Document) -> str:
    fires = f", fires next at {in_zone(job['nextFireAt'], session.zone)}" if job.get("nextFireAt") else ""
    return f"{clean(job.get('name') or name)} is {clean(job.get('status'))}{fires}"
