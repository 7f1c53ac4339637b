"""`jobs diff`: what `jobs apply` would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from interfaces.cli.apply import apply_written, takes_files, tell_problems
from interfaces.cli.exits import FAILED, USAGE
from interfaces.cli.failures import ending_of
from interfaces.cli.fire_changes import fire_lines
from interfaces.cli.output import print_document
from interfaces.cli.session import Session, calls_server

if TYPE_CHECKING:
    from interfaces.cli.job_files import WrittenJob
    from scheduler_sdk.client import Client
    from scheduler_sdk.shapes import Applied

DIFFERENT = 1
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


class _Comparison(click.Command):
    """To end with 1 is an answer here, so no failure does."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            failure = ending_of(error)
            if failure is None:
                raise
            if failure.exit_code == FAILED:
                failure.exit_code = USAGE  # type: ignore[misc]  # click reads it from the instance as well
            raise failure from error


@click.command(cls=_Comparison)
@takes_files
@calls_server
def diff(session: Session, files: tuple[str, ...]) -> None:
    """Show what `apply` would change.

    Exit codes: 0 nothing, 1 something, 2 or more: it cannot be said.
    """
    from interfaces.cli.job_files import jobs_in

    written = jobs_in(files)
    with session.client() as client:
        applied = apply_written(client, written, dry_run=True)
        found = [_difference(client, job, item) for job, item in zip(written, applied, strict=True)]
    changed = [(job, lines) for job, item, lines in zip(written, applied, found, strict=True) if _changes(item)]
    if session.output in ("json", "yaml"):
        shown = zip(applied, found, strict=True)
        print_document(session, {"items": [{**item, "diff": "\n".join(lines)} for item, lines in shown]})
    for job, lines in changed:
        if session.output == "name":
            click.echo(job.name)
        elif session.output == "table":
            for line in lines:
                click.echo(click.style(line, fg=_COLOURS.get(line[:1])))
    if tell_problems(written, applied):
        raise click.exceptions.Exit(USAGE)
    if changed:
        raise click.exceptions.Exit(DIFFERENT)


def _changes(item: Applied) -> bool:
    return item.get("action") not in ("UNCHANGED", "FAILED")


def _difference(client: Client, written: WrittenJob, item: Applied) -> list[str]:
    from interfaces.cli.job_document import document_of, normal_form
    from interfaces.cli.job_text import differences

    if not _changes(item):
        return []
    after = normal_form(written.document)
    before: dict[str, Any] = {}
    origin = "no such job"
    if item["action"] == "UPDATED":
        job = client.job(item["name"])
        before, origin = document_of(job), f"version {job['version']} of {job['name']}"
        if job["status"] == "CREATED" and written.document.get("active") is True:
            before, after = before | {"active": False}, after | {"active": True}
    elif written.document.get("active") is True:
        after |= {"active": True}
    lines = list(differences(before, after, origin, written.place("")))
    lines += fire_lines(item)
    return lines or [f"{written.name}: only what the server's settings say where {written.place('')} is silent"]
