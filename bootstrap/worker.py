"""`scheduler worker`: a process that runs COMMAND tasks."""

from __future__ import annotations

from bootstrap.logs import configure_logs
from bootstrap.settings_loading import load_settings
from interfaces.cli.launchers import WorkerOptions


def run_worker(options: WorkerOptions) -> int:
    """Work until SIGTERM or SIGINT, then drain. Returns the exit code."""
    configure_logs(load_settings(options.settings).logs)
    from scheduler_sdk.worker import Worker

    worker = Worker(
        options.server,
        executor_id=options.executor_id,
        pool=options.pool,
        labels=dict(options.labels),
        slots=options.slots,
        commands=True,
        drain_timeout=options.drain_timeout_seconds,
    )
    return worker.run_forever()
