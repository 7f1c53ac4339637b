"""Commands that decide who is told when something goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from interfaces.cli.output import Columns, clean, member, print_list, print_one
from interfaces.cli.session import Session, calls_server

COLUMNS: Columns = (
    ("NAME", member("name")),
    ("URL", member("url")),
    ("EVENTS", lambda webhook: clean(", ".join(webhook.get("events") or []))),
    ("JOB", member("jobId")),
)


@click.group()
def webhooks() -> None:
    """Have an address told when a task fails, a fire is missed, a schedule is overdue."""


@webhooks.command("list")
@calls_server
def list_webhooks(session: Session) -> None:
    """List who is told of what."""
    with session.client() as client:
        print_list(session, client.webhooks(), COLUMNS, "name")


@webhooks.command()
@click.argument("name")
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, metavar="TYPE[:DETAIL]", help="A kind of event; more than one may do."
)
@click.option("--job", metavar="JOB", help="Only what is about this job, by its name or id.")
@calls_server
def create(session: Session, name: str, url: str, events: tuple[str, ...], job: str | None) -> None:
    """Tell URL of events: without --event of failures, time-outs, missed fires and overdue schedules.

    The secret with which deliveries are signed is shown now, and never again.
    """
    with session.client() as client:
        _show(session, client.create_webhook(name, url, events=events or None, job=job))


@webhooks.command("rotate-secret")
@click.argument("name")
@calls_server
def rotate_secret(session: Session, name: str) -> None:
    """Sign with a new secret, shown now and never again; for a day the one before signs as well."""
    with session.client() as client:
        _show(session, client.rotate_webhook_secret(name))


@webhooks.command()
@click.argument("name")
@calls_server
def delete(session: Session, name: str) -> None:
    """Send nothing any more, and throw away what its receiver refused."""
    with session.client() as client:
        gone = client.delete_webhook(name)
    click.echo(f"{clean(gone['name'])} is told of nothing any more")


def _show(session: Session, webhook: Mapping[str, Any]) -> None:
    print_one(session, webhook, (*COLUMNS, ("SECRET", member("secret"))), "secret")
