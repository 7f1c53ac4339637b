"""Commands that look at the platform as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import click

from interfaces.cli.output import Columns, clean, member, print_list, print_one, time_of
from interfaces.cli.session import Session, calls_server

_FIELDS: Columns = (
    ("executors", lambda cluster: _counted(cluster.get("executors"))),
    ("slots", lambda cluster: f"{cluster.get('usedSlots', 0)} of {cluster.get('totalSlots', 0)} used"),
    ("live tasks", lambda cluster: _counted(cluster.get("tasks"))),
)


@click.group()
def cluster() -> None:
    """Look at the platform as a whole."""


@cluster.command("status")
@calls_server
def cluster_status(session: Session) -> None:
    """Count executors, slots and live tasks."""
    with session.client() as client:
        counted = client.cluster()
    nameless = replace(session, output="table") if session.output == "name" else session
    print_one(nameless, counted, _FIELDS, "")


@cluster.command("nodes")
@calls_server
def cluster_nodes(session: Session) -> None:
    """List the server processes of the last day."""
    columns: Columns = (
        ("NODE", member("label")),
        ("STATUS", member("status")),
        ("ROLES", lambda node: clean(", ".join(node.get("roles") or []))),
        ("HOST", member("host")),
        ("VERSION", member("version")),
        ("STARTED", time_of(session, "startedAt")),
        ("LAST BEAT", time_of(session, "lastBeatAt")),
    )
    with session.client() as client:
        print_list(session, client.cluster_nodes(), columns, "id")


@cluster.command("locks")
@calls_server
def cluster_locks(session: Session) -> None:
    """List the locks of the platform's own upkeep, and the nodes that hold them."""
    columns: Columns = (
        ("LOCK", member("name")),
        ("NODE", member("node")),
        ("TOKEN", member("token")),
        ("SINCE", time_of(session, "lockedAt")),
        ("UNTIL", time_of(session, "until")),
    )
    with session.client() as client:
        print_list(session, client.cluster_locks(), columns, "name")


def _counted(numbers: Mapping[str, int] | None) -> str:
    return ", ".join(f"{number} {status}" for status, number in (numbers or {}).items()) or "none"
