"""`jobs edit`: a job's definition in an editor."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, NoReturn

import click

from interfaces.cli.apply import apply_written, tell_problems
from interfaces.cli.exits import CONFLICT, FAILED, Failure
from interfaces.cli.output import clean, in_zone, print_one
from interfaces.cli.session import Session, calls_server

if TYPE_CHECKING:
    from interfaces.cli.job_files import WrittenJob
    from scheduler_sdk.client import Client
    from scheduler_sdk.shapes import Job

_HEADING = """\
# Version {version} of the job {name}. It is applied when you save and close; close without saving to leave it as it is.
"""


@click.command()
@click.argument("job")
@calls_server
def edit(session: Session, job: str) -> None:
    """Change a job in your editor ($VISUAL or $EDITOR).

    Nothing is applied if somebody else changes the job meanwhile. What is refused is kept in a file.
    """
    from interfaces.cli.job_document import document_of
    from interfaces.cli.job_text import as_text

    with session.client() as client:
        before = client.job(job)
        text = _HEADING.format(version=before["version"], name=before["name"]) + as_text([document_of(before)])
        edited = click.edit(text, extension=".yaml")
        if edited is None or edited == text:
            click.echo(f"{before['name']} is left as it is", err=True)
            return
        try:
            written = _read(edited, before["name"])
            _check_unchanged(session, client, before)
            applied = apply_written(client, [written], dry_run=False)
        except Failure as failure:
            _keep(edited, failure.message, failure.exit_code)
        if tell_problems([written], applied):
            _keep(edited, "nothing was changed", FAILED)
        after = client.job(before["id"])
    if session.output != "table":
        print_one(session, after, (), "name")
    elif after["version"] == before["version"]:
        click.echo(f"{clean(after['name'])} means the same as before")
    else:
        click.echo(f"{clean(after['name'])} is now at version {after['version']}, {clean(after['status'])}")


def _read(text: str, name: str) -> WrittenJob:
    from interfaces.cli.job_files import read_jobs

    jobs = read_jobs("your text", text.encode())
    if len(jobs) != 1:
        raise Failure(f"your text holds {len(jobs)} jobs and should hold one")
    if jobs[0].name != name:
        raise Failure(f"your text names {jobs[0].name}: a job keeps its name; to make another one use `jobs create`")
    return jobs[0]


def _check_unchanged(session: Session, client: Client, before: Job) -> None:
    """Just ahead of writing, for the editor may have been open for hours."""
    now = client.job(before["id"])
    if now["version"] != before["version"]:
        when = in_zone(now.get("updatedAt"), session.zone)
        raise Failure(f"{now['name']} was changed meanwhile, at {when}: it is at version {now['version']}", CONFLICT)


def _keep(text: str, reason: str, exit_code: int) -> NoReturn:
    descriptor, path = tempfile.mkstemp(prefix="scheduler-", suffix=".yaml")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    raise Failure(
        f"{reason}\nYour text is kept. Mend it and look: scheduler jobs diff -f {path}\n"
        f"then: scheduler jobs apply -f {path}",
        exit_code,
    )
