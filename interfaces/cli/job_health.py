"""A command that asks whether schedules do what they should."""

from __future__ import annotations

import click

from interfaces.cli.output import clean, print_document
from interfaces.cli.session import Session, calls_server


@click.command("health")
@click.argument("job")
@calls_server
def job_health(session: Session, job: str) -> None:
    """Compare a job's schedule and ledger with its trigger; ends with 1 unless all is well."""
    with session.client() as client:
        found = client.job_health(job)
    if session.output == "table":
        click.echo(f"{job} is {clean(found['status'])}")
        for finding in found["findings"]:
            click.echo(f"  {finding['finding']}: {clean(finding['detail'])}\n    {clean(finding['mend'])}")
    elif session.output == "name":
        click.echo(found["status"])
    else:
        print_document(session, found)
    if found["status"] != "OK":
        raise click.exceptions.Exit(1)
