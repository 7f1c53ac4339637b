"""`scheduler worker`: a process that runs COMMAND tasks, and others that it is allowed."""

from __future__ import annotations

from bootstrap.logs import configure_logs
from bootstrap.settings_loading import load_settings
from interfaces.cli.launchers import LaunchRefused, WorkerOptions


def run_worker(options: WorkerOptions) -> int:
    """Work until SIGTERM or SIGINT, then drain. Returns the exit code; raises `LaunchRefused`."""
    configure_logs(load_settings(options.settings).logs)
    from scheduler_sdk.job_types.http import HttpRules
    from scheduler_sdk.worker import Worker

    runs = options.runs
    try:
        worker = Worker(
            options.server,
            executor_id=options.executor_id,
            pool=options.pool,
            labels=dict(options.labels),
            slots=options.slots,
            commands=True,
            http=HttpRules(allow_private=runs.http_allow_private) if runs.http else False,
            sql=runs.databases,
            job_types=runs.job_types,
            drain_timeout=options.drain_timeout_seconds,
        )
    except (ValueError, ImportError) as error:
        raise LaunchRefused(str(error)) from None
    return worker.run_forever()
