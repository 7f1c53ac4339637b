"""Commands that say why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from interfaces.cli.output import clean, in_zone, print_document
from interfaces.cli.parameter_types import Instant
from interfaces.cli.session import Session, calls_server


@click.command("explain")
@click.argument("task_id", metavar="TASK")
@calls_server
def explain_task(session: Session, task_id: str) -> None:
    """Say why a task is not running, with all that holds it, and what would mend it."""
    _print(session, lambda client: client.explain_task(task_id))


@click.command("explain")
@click.argument("job")
@click.option("--at", type=Instant(), metavar="TIME", help="The nominal time of a fire, past or future.")
@calls_server
def explain_job(session: Session, job: str, at: datetime | None) -> None:
    """Say why a job fired at a time or did not; without a time, what becomes of its next fire."""
    _print(session, lambda client: client.explain_job(job, at=None if at is None else at.isoformat()))


def _print(session: Session, ask: Callable[[Any], Any]) -> None:
    with session.client() as client:
        explanation = ask(client)
    if session.output in ("json", "yaml"):
        print_document(session, explanation)
        return
    for reason in explanation["reasons"]:
        if session.output == "name":
            click.echo(reason["code"])
            continue
        click.echo(f"{click.style(str(reason['code']), bold=True)}: {clean(reason['detail'])}")
        if reason.get("fix"):
            click.echo(f"  {clean(reason['fix'])}")
        if reason.get("until"):
            click.echo(f"  until {in_zone(reason['until'], session.zone)}")
    if session.output != "name" and explanation["earliestStartAt"] is not None:
        click.echo(f"It can start at {in_zone(explanation['earliestStartAt'], session.zone)}.")
