"""`jobs import`: makes jobs of a crontab's lines, and says of each line what became of it."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

import click

from interfaces.cli.exits import FAILED, USAGE, Failure
from interfaces.cli.input_files import STANDARD_INPUT, read_input, shown
from interfaces.cli.session import Session, calls_server

if TYPE_CHECKING:
    from interfaces.cli.crontab.lines import Reading
    from scheduler_sdk.client import Client

_LARGEST_CRONTAB = 1024 * 1024
_PREFIX = re.compile(r"(?:[a-z0-9][a-z0-9._-]{0,63})?")


@click.command("import")
@click.option("--crontab", "file", required=True, metavar="FILE", help="The crontab, or - for standard input.")
@click.option("--format", "layout", type=click.Choice(["auto", "user", "system"]), default="auto", show_default=True,
              help="The system's format names a user before each command.")  # fmt: skip
@click.option("--time-zone", metavar="ZONE", help="The zone of the schedules (default: this machine's).")
@click.option("--prefix", default="", metavar="TEXT", help="Begin each job's name so: tells machines apart.")
@click.option("--user", metavar="NAME", help="Whose crontab it is, in the user's format.")
@click.option("--any-user", is_flag=True, help="Run as whatever user a worker is, not only as the line's own.")
@click.option("--inactive", is_flag=True, help="Create the jobs, do not activate them.")
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@calls_server
def import_crontab(
    session: Session,
    file: str,
    layout: str,
    time_zone: str | None,
    prefix: str,
    user: str | None,
    any_user: bool,
    inactive: bool,
    dry_run: bool,
) -> None:
    """Import a crontab, line by line.

    Importing the same file again changes nothing. Lines that cannot be taken are reported with the reason, and the
    exit code is then 1. Commands run as under cron: in parallel if they take long, never late, never a second time.
    """
    from interfaces.cli.crontab.layout import USER_NAME, tell_layout
    from interfaces.cli.crontab.lines import Layout, Reading, Taken
    from interfaces.cli.crontab.reader import read_crontab
    from interfaces.cli.crontab_report import CrontabReport
    from interfaces.cli.local_zone import local_zone

    if not _PREFIX.fullmatch(prefix):
        raise Failure(f"--prefix {prefix}: write a-z 0-9 . _ - and begin with a letter or digit", USAGE)
    if user is not None and not USER_NAME.fullmatch(user):
        raise Failure(f"--user {user}: that is not a user's name", USAGE)
    text = _text(file, read_input(file, _LARGEST_CRONTAB))
    if layout == "auto" and user is None:
        told, why = tell_layout(text, file)
    else:
        told, why = Layout("user" if layout == "auto" else layout), "as told"
    if user is not None and told is Layout.SYSTEM:
        raise Failure("--user is for the user's format: in the system's each line names its own", USAGE)
    zone, origin = (time_zone, "as told") if time_zone else local_zone()
    source = "stdin" if file == STANDARD_INPUT else PurePath(file).name
    reading = Reading(source, told, zone, prefix, active=not inactive, user=user, bind_user=not any_user)
    lines = read_crontab(text, reading)
    report = CrontabReport(shown(file), told.value, why, zone, origin, lines, dry_run)
    taken = [line.job for line in lines if isinstance(line, Taken)]
    if taken:
        with session.client() as client:
            report.applied(client.apply(taken, dry_run=dry_run))
            report.left_over = _left_over(client, reading, {str(job["name"]) for job in taken})
    report.print(session)
    if not taken:
        raise Failure(f"{shown(file)}: no line was taken as a job")
    if report.has_failures:
        raise click.exceptions.Exit(FAILED)


def _text(file: str, content: bytes) -> str:
    """The file as text; bytes that are not UTF-8 stay, for the reader to refuse their lines one by one."""
    nothing = content.find(b"\0")
    if nothing >= 0:
        raise Failure(f"{shown(file)} is not a crontab: it is not text (a zero byte at offset {nothing})")
    return content.decode("utf-8", "surrogateescape")


def _left_over(client: Client, reading: Reading, present: set[str]) -> list[str]:
    """Jobs of an earlier import of this file that it no longer holds; they still fire."""
    from interfaces.cli.crontab.documents import source_tag

    tagged = client.jobs(tag=source_tag(reading.source))
    ours = (job for job in tagged if job["status"] == "ACTIVE" and job["name"].startswith(reading.prefix))
    return [job["name"] for job in ours if job["name"] not in present]
