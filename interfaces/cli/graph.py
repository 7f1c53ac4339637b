"""Commands that show what depends on what."""

from __future__ import annotations

import click

from interfaces.cli.output import NOTHING, Columns, Document, clean, member, print_document, print_list
from interfaces.cli.session import Session, calls_server


@click.command("graph")
@click.argument("job", required=False)
@calls_server
def graph(session: Session, job: str | None) -> None:
    """Show which jobs wait for which: all of them, or those above and below one."""
    with session.client() as client:
        found = client.graph(job=job)
    if session.output in ("json", "yaml"):
        print_document(session, found)
        return
    names = {node["jobId"]: node["name"] for node in found["jobs"]}
    if session.output == "name":
        for level in found["levels"]:
            for job_id in level:
                click.echo(names[job_id])
        return
    place = {job_id: (at, names[job_id]) for at, level in enumerate(found["levels"]) for job_id in level}
    edges = sorted(found["edges"], key=lambda edge: (place[edge["jobId"]], place[edge["upstreamId"]]))
    shown = [{**edge, "job": names[edge["jobId"]], "upstream": names[edge["upstreamId"]]} for edge in edges]
    print_list(session, shown, (("JOB", member("job")), ("WAITS FOR", member("upstream")), *_ASKS), "job")


@click.command("dependencies")
@click.argument("job")
@calls_server
def dependencies(session: Session, job: str) -> None:
    """List what a job waits for, and what it asks of each."""
    with session.client() as client:
        found = client.dependencies(job)
    if session.output in ("json", "yaml"):
        print_document(session, found)
        return
    print_list(session, found["items"], (("WAITS FOR", member("name")), *_ASKS), "name")
    if session.output == "table" and found["join"] != "ALL":
        click.echo(f"{found['required']} of these {len(found['items'])} are enough")


@click.command("dependents")
@click.argument("job")
@calls_server
def dependents(session: Session, job: str) -> None:
    """List all jobs that wait for a job, directly or through others."""
    with session.client() as client:
        print_list(session, client.dependents(job), _RELATIVES, "name")


@click.command("ancestors")
@click.argument("job")
@calls_server
def ancestors(session: Session, job: str) -> None:
    """List all jobs that a job waits for, directly or through others."""
    with session.client() as client:
        print_list(session, client.ancestors(job), _RELATIVES, "name")


@click.command("plan")
@click.argument("job")
@calls_server
def plan(session: Session, job: str) -> None:
    """Show what a run that begins with a job brings, level by level; the jobs of a level may run together."""
    with session.client() as client:
        found = client.plan(job)
    if session.output in ("json", "yaml"):
        print_document(session, found)
        return
    rows = [{"level": at, **node} for at, level in enumerate(found["levels"], 1) for node in level]
    print_list(session, rows, (("LEVEL", member("level")), ("JOB", member("name"))), "name")


def _match(edge: Document) -> str:
    match = edge.get("match")
    return NOTHING if not match else clean(" ".join(str(value) for value in match.values() if value is not None))


_ASKS: Columns = (("TYPE", member("type")), ("MATCH", _match), ("CONDITION", member("condition")))
_RELATIVES: Columns = (("JOB", member("name")), ("DISTANCE", member("distance")))
