"""`jobs edit`: a job's definition in an editor, changed at once or later."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import click

from interfaces.cli.exits import CONFLICT, Failure
from interfaces.cli.failures import describe, exit_code_of
from interfaces.cli.output import clean, in_zone, print_one
from interfaces.cli.parameter_types import Instant
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
@click.option("--effective-from", type=Instant(), metavar="TIME", help="Change it then, and not at once.")
@calls_server
def edit(session: Session, job: str, effective_from: datetime | None) -> None:
    """Change a job in your editor ($VISUAL or $EDITOR).

    With --effective-from fires before that time are those of the job as it is; `jobs withdraw-change` takes it back.
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
            after = _update(client, before, document_of(before), written, effective_from)
        except Failure as failure:
            _keep(edited, failure.message, failure.exit_code)
    if session.output != "table":
        print_one(session, after, (), "name")
    elif effective_from is not None and after.get("comingChange"):
        click.echo(f"{clean(after['name'])} will be changed at {in_zone(effective_from.isoformat(), session.zone)}")
    elif after["version"] == before["version"]:
        click.echo(f"{clean(after['name'])} means the same as before")
    else:
        click.echo(f"{clean(after['name'])} is now at version {after['version']}, {clean(after['status'])}")


@click.command("withdraw-change")
@click.argument("job")
@calls_server
def withdraw_change(session: Session, job: str) -> None:
    """Leave a job as it is: a change that was announced does not take effect."""
    with session.client() as client:
        after = client.withdraw_change(job)
    if session.output != "table":
        print_one(session, after, (), "name")
    else:
        click.echo(f"{clean(after['name'])} stays at version {after['version']}")


def _read(text: str, before: Job) -> WrittenJob:
    from interfaces.cli.job_files import read_jobs

    jobs = read_jobs("your text", text.encode())
    if len(jobs) != 1:
        raise Failure(f"your text holds {len(jobs)} jobs and should hold one")
    for member in ("name", "type"):
        if jobs[0].document.get(member) != before.get(member):
            raise Failure(f"a job keeps its {member}, {before.get(member)}; to make another one use `jobs create`")
    return jobs[0]


def _update(
    client: Client, before: Job, shown: Mapping[str, Any], written: WrittenJob, effective_from: datetime | None
) -> Job:
    """Sends what differs from the text that was shown, for the version that was shown."""
    now = written.document
    changes = {name: now.get(name) for name in {**shown, **now} if now.get(name) != shown.get(name)}
    try:
        return client.update_job(before["id"], changes, version=before["version"], effective_from=effective_from)
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
