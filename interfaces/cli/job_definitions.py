"""Commands for the definitions of jobs: made, checked, exported."""

from __future__ import annotations

import click

from interfaces.cli.apply import apply_written, takes_files, tell_problems
from interfaces.cli.exits import FAILED
from interfaces.cli.failures import describe, exit_code_of
from interfaces.cli.output import clean, in_zone, print_document
from interfaces.cli.session import Session, calls_server
from scheduler_sdk.client_errors import ApiError


@click.command()
@takes_files
@calls_server
def create(session: Session, files: tuple[str, ...]) -> None:
    """Create jobs from files; a name that is taken is refused.

    To replace jobs that exist, use `apply`. A job that is refused does not stop the others.
    """
    from interfaces.cli.job_files import jobs_in

    first_failure = 0
    written = jobs_in(files)
    with session.client() as client:
        for job in written:
            try:
                made = client.create_job(job.document)
            except ApiError as error:
                click.echo(f"{job.name}: {describe(error, job.place_of)}", err=True)
                first_failure = first_failure or exit_code_of(error)
                continue
            if session.output == "name":
                click.echo(made["name"])
            elif session.output == "table":
                next_fire = made.get("nextFireAt")
                fires = f", fires next at {in_zone(next_fire, session.zone)}" if next_fire else ""
                click.echo(f"{clean(made['name'])} is {clean(made['status'])}{fires}")
            else:
                print_document(session, made)
    if first_failure:
        raise click.exceptions.Exit(first_failure)


@click.command()
@takes_files
@calls_server
def validate(session: Session, files: tuple[str, ...]) -> None:
    """Let the server check files, and change nothing."""
    from interfaces.cli.job_files import jobs_in

    written = jobs_in(files)
    with session.client() as client:
        checked = apply_written(client, written, dry_run=True)
    if session.output in ("json", "yaml"):
        items = [{"name": job.name, "problem": item.get("problem")} for job, item in zip(written, checked, strict=True)]
        print_document(session, {"items": items})
    if tell_problems(written, checked):
        raise click.exceptions.Exit(FAILED)
    if session.output == "table":
        click.echo(f"valid: {', '.join(job.name for job in written)}")


@click.command()
@click.argument("names", metavar="[JOB]...", nargs=-1)
@click.option("--tag", metavar="TAG", help="Only jobs with this tag.")
@calls_server
def export(session: Session, names: tuple[str, ...], tag: str | None) -> None:
    """Write jobs as the YAML that `apply` reads: those named, or all.

    What is active is written to be active where the file is applied; nothing of history is written.
    """
    from interfaces.cli.job_document import exported
    from interfaces.cli.job_text import as_text

    with session.client() as client:
        found = [client.job(name) for name in names] if names else client.jobs(tag=tag)
        documents = [exported(job) for job in found]
    if session.output == "name":
        for document in documents:
            click.echo(document["name"])
    elif session.output == "json":
        print_document(session, {"jobs": documents})
    elif documents:
        click.echo(as_text(documents), nl=False)
    else:
        click.echo("none found", err=True)
