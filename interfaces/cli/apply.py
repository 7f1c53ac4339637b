"""`jobs apply`: makes the server's jobs what the files say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from interfaces.cli.exits import FAILED, Failure
from interfaces.cli.failures import describe, exit_code_of, field_lines
from interfaces.cli.input_files import files_below, read_input
from interfaces.cli.output import Columns, Document, clean, member, print_document, table, time_of
from interfaces.cli.session import Session, calls_server
from scheduler_sdk.client_errors import ApiError

if TYPE_CHECKING:
    from interfaces.cli.job_files import WrittenJob
    from scheduler_sdk.shapes import Applied

_LARGEST_FILE = 32 * 1024 * 1024
_JOB_IN_BODY = re.compile(r"/jobs/(\d+)(?P<inside>/.*|)")


@click.command()
@click.option("--file", "-f", "files", multiple=True, required=True, metavar="FILE",
              help="YAML or JSON, a directory of such files, or - for standard input; repeatable.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@calls_server
def apply(session: Session, files: tuple[str, ...], dry_run: bool) -> None:
    """Create or replace jobs from files.

    Each document is a job, a list of jobs, or `jobs:` with a list; the name decides which job it is. A job that is
    refused does not stop the others.
    """
    from interfaces.cli.job_files import read_jobs, refuse_doubles

    paths = [path for file in files for path in files_below(file, (".yaml", ".yml", ".json"))]
    written = [job for path in paths for job in read_jobs(path, read_input(path, _LARGEST_FILE))]
    if not written:
        raise Failure(f"there is no job in {', '.join(files)}")
    refuse_doubles(written)
    with session.client() as client:
        try:
            applied = client.apply([job.document for job in written], dry_run=dry_run)
        except ApiError as error:
            raise Failure(describe(error, lambda pointer: _place(written, pointer)), exit_code_of(error)) from error
    _report(session, written, applied, dry_run)
    if any(item.get("action") == "FAILED" for item in applied):
        raise click.exceptions.Exit(FAILED)


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
        ("WRITTEN AT", member("place")),
    )
    click.echo(table(rows, columns))
    for job, item in zip(written, applied, strict=True):
        problem = problem_of(item)
        if problem:
            click.echo(f"\n{job.name}: {problem}", err=True)
            for line in field_lines(problem, lambda pointer, job=job: _within(job, pointer)):  # type: ignore[misc]
                click.echo(f"  {line}", err=True)
    summary = counted([str(item.get("action")) for item in applied])
    click.echo(f"\n{'dry run, nothing was changed: ' if dry_run else ''}{summary}")


def _place(written: Sequence[WrittenJob], pointer: str) -> str:
    """Where a pointer into the body of the whole call leads."""
    match = _JOB_IN_BODY.fullmatch(pointer)
    if not match or int(match[1]) >= len(written):
        return pointer
    job = written[int(match[1])]
    return f"{job.name}, {_within(job, match['inside'])}"


def _within(job: WrittenJob, pointer: str) -> str:
    return f"{job.place(pointer)} {pointer}".rstrip()
