"""The command `scheduler`: its commands, the options all share, and how it ends when something goes wrong."""

from __future__ import annotations

import os
from datetime import tzinfo
from typing import Any

import click

from interfaces.cli.apply import apply
from interfaces.cli.backfills import backfill, backfills
from interfaces.cli.cluster import cluster
from interfaces.cli.completion import completion
from interfaces.cli.config import config
from interfaces.cli.doctor import doctor
from interfaces.cli.executors import executors
from interfaces.cli.exits import INTERRUPTED
from interfaces.cli.explain import explain_job, explain_task
from interfaces.cli.failure_groups import failures
from interfaces.cli.failures import ending_of
from interfaces.cli.graph import ancestors, dependencies, dependents, graph, plan
from interfaces.cli.health import health
from interfaces.cli.import_crontab import import_crontab
from interfaces.cli.job_definitions import create, export, validate
from interfaces.cli.job_diff import diff
from interfaces.cli.job_edit import edit, withdraw_change
from interfaces.cli.job_health import job_health
from interfaces.cli.job_skips import skip, unskip
from interfaces.cli.job_verbs import activate, delete, disable, pause, resume, run
from interfaces.cli.jobs import jobs
from interfaces.cli.locks import locks
from interfaces.cli.operations import operations
from interfaces.cli.processes import db, dev, server, worker
from interfaces.cli.runs import runs
from interfaces.cli.session import open_session, session_options
from interfaces.cli.sinks import sinks
from interfaces.cli.task_verbs import rerun, retry, submit, wait
from interfaces.cli.tasks import tasks
from interfaces.cli.upcoming import upcoming
from interfaces.cli.webhooks import webhooks


class _Scheduler(click.Group):
    """Turns every failure into a message and an exit code; with `SCHEDULER_DEBUG=1` an unexpected one shows where."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except Exception as error:
            failure = ending_of(error)
            if failure is None:
                raise
            raise failure from error


@click.group(cls=_Scheduler, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="platform-scheduler", message="Platform Scheduler %(version)s")
@session_options
@click.pass_context
def scheduler(ctx: click.Context, server: str | None, output: str | None, zone: tzinfo | None) -> None:
    """Runs jobs at their times, on any number of machines, and says what became of each.

    Start with `scheduler dev`, then `scheduler jobs list` in a second terminal.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not allowed, 5 conflict, 6 timed out, 7 no server.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    open_session(ctx, server, output, zone)


for _command in (
    dev,
    server,
    worker,
    db,
    config,
    jobs,
    tasks,
    runs,
    upcoming,
    failures,
    backfills,
    executors,
    locks,
    operations,
    sinks,
    webhooks,
    cluster,
    health,
    doctor,
    completion,
):
    scheduler.add_command(_command)
for _command in (create, edit, withdraw_change, apply, diff, validate, export, import_crontab):
    jobs.add_command(_command)
for _command in (graph, dependencies, dependents, ancestors, plan):
    jobs.add_command(_command)
for _command in (submit, wait, retry, rerun, explain_task):
    tasks.add_command(_command)
for _command in (run, backfill, job_health, explain_job, pause, resume, activate, disable, delete, skip, unskip):
    jobs.add_command(_command)
