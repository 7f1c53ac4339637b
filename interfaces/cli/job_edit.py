"""`jobs edit`: a job's definition in an editor."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import click

from interfaces.cli.exits import CONFLICT, Failure
from interfaces.cli.failures import describe, exit_code_of
from interfaces.cli.output import clean, in_zone, print_one
from interfaces.cli.session import Session, calls_server
from scheduler_sdk.client_errors import ApiError

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
            written = _read(edited, before)
            _check_unchanged(session, client, before)
            after = _update(client, before, document_of(before), written)
        except Failure as failure:
            _keep(edited, failure.message, failure.exit_code)
    if session.output != "table":
        print_one(session, after, (), "name")
    elif after["version"] == before["version"]:
        click.echo(f"{clean(after['name'])} means the same as before")
    else:
        click.echo(f"{clean(after['name'])} is now at version {after['version']}, {clean(after['status'])}")


def _read(text: str, before: Job) -> WrittenJob:
    from interfaces.cli.job_files import read_jobs

    jobs = read_jobs("your text", text.encode())
    if len(jobs) != 1:
        raise Failure(f"your text holds {len(jobs)} jobs and should hold one")
    for member in ("name", "type"):
        if jobs[0].document.get(member) != before.get(member):
            raise Failure(f"a job keeps its {member}, {before.get(member)}; to make another one use `jobs create`")
    return jobs[0]


def _update(client: Client, before: Job, shown: Mapping[str, Any], written: WrittenJob) -> Job:
    """Sends what differs from the text that was shown, for the version that was shown."""
    now = written.document
    changes = {name: now.get(name) for name in {**shown, **now} if now.get(name) != shown.get(name)}
    try:
        return client.update_job(before["id"], changes, version=before["version"])
    except ApiError as error:
        raise Failure(describe(error, written.place_of), exit_code_of(error)) from error


def _check_unchanged(session: Session, client: Client, before: Job) -> None:
    """The server would refuse it, too, in fewer words."""
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
