"""`jobs apply`: makes the server's jobs what the files say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from interfaces.cli.exits import FAILED, Failure
from interfaces.cli.failures import describe, exit_code_of, field_lines
from interfaces.cli.fire_changes import fire_counts
from interfaces.cli.output import Columns, Document, clean, member, print_document, table, time_of
from interfaces.cli.session import Session, calls_server
from scheduler_sdk.client_errors import ApiError

if TYPE_CHECKING:
    from interfaces.cli.job_files import WrittenJob
    from scheduler_sdk.client import Client
    from scheduler_sdk.shapes import Applied

_JOB_IN_BODY = re.compile(r"/jobs/(\d+)(?P<inside>/.*|)")


takes_files = click.option(
    "--file", "-f", "files", multiple=True, required=True, metavar="FILE",
    help="YAML or JSON, a directory of such files, or - for standard input; repeatable.",
)  # fmt: skip


@click.command()
@takes_files
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@calls_server
def apply(session: Session, files: tuple[str, ...], dry_run: bool) -> None:
    """Create or replace jobs from files.

    Each document is a job, a list of jobs, or `jobs:` with a list; the name decides which job it is. A job that is
    refused does not stop the others.
    """
    from interfaces.cli.job_files import jobs_in

    written = jobs_in(files)
    with session.client() as client:
        applied = apply_written(client, written, dry_run)
    _report(session, written, applied, dry_run)
    if any(item.get("action") == "FAILED" for item in applied):
        raise click.exceptions.Exit(FAILED)


def apply_written(client: Client, written: Sequence[WrittenJob], dry_run: bool) -> list[Applied]:
    """What became of each; a refusal of the whole call names the places in the files."""
    try:
        return client.apply([job.document for job in written], dry_run=dry_run)
    except ApiError as error:
        raise Failure(describe(error, lambda pointer: _place(written, pointer)), exit_code_of(error)) from error


def tell_problems(written: Sequence[WrittenJob], applied: Sequence[Applied]) -> bool:
    """Writes to standard error why jobs were refused, and where in the files; whether any was."""
    refused = [(job, problem) for job, item in zip(written, applied, strict=True) if (problem := problem_of(item))]
    for job, problem in refused:
        click.echo(f"\n{job.name}: {problem}", err=True)
        for line in field_lines(problem, job.place_of):
            click.echo(f"  {line}", err=True)
    return bool(refused)


def problem_of(item: Document) -> ApiError | None:
    """Why a job was not applied, None when it was."""
    problem = item.get("problem")
    return ApiError.from_problem(problem) if isinstance(problem, dict) else None


def counted(actions: Sequence[str]) -> str:
    """`2 created, 1 unchanged`."""
    return ", ".join(f"{number} {action.lower()}" for action, number in Counter(actions).items())


def _report(session: Session, written: Sequence[WrittenJob], applied: Sequence[Applied], dry_run: bool) -> None:
    if session.output in ("json", "yaml"):
        print_document(session, {"items": applied})
        return
    if session.output == "name":
        for job in written:
            click.echo(job.name)
        return
    rows = [{**item, "name": job.name, "place": job.place("")} for job, item in zip(written, applied, strict=True)]
    columns: Columns = (
        ("JOB", member("name")),
        ("RESULT", lambda row: clean(row.get("action")).lower()),
        ("NEXT FIRE", time_of(session, "nextFireAt")),
        *([("FIRES IN 7 DAYS", fire_counts)] if dry_run else []),
        ("WRITTEN AT", member("place")),
    )
    click.echo(table(rows, columns))
    tell_problems(written, applied)
    summary = counted([str(item.get("action")) for item in applied])
    click.echo(f"\n{'dry run, nothing was changed: ' if dry_run else ''}{summary}")


def _place(written: Sequence[WrittenJob], pointer: str) -> str:
    """Where a pointer into the body of the whole call leads."""
    match = _JOB_IN_BODY.fullmatch(pointer)
    if not match or int(match[1]) >= len(written):
        return pointer
    job = written[int(match[1])]
    return f"{job.name}, {job.place_of(match['inside'])}"
