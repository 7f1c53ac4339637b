"""`scheduler dev`: the whole platform in one process, on a data directory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from pathlib import Path

import uvloop
from dependency_injector import providers

from application.shared.errors import StoreUnavailable
from application.shared.principal import LOCAL
from bootstrap.container import Container
from bootstrap.logs import configure_logs
from bootstrap.memory import settle_memory
from bootstrap.running import running
from bootstrap.sample_jobs import sample_jobs
from bootstrap.serving import StopSignals, listen, serving
from bootstrap.settings import Settings
from bootstrap.settings_loading import load_settings
from domain.shared.errors import Invalid
from infrastructure.local.data_directory import DataDirectoryInUse, data_directory
from infrastructure.sql.migrations import DatabaseRefused
from interfaces.cli.launchers import DevOptions, LaunchRefused
from interfaces.rest.app import create_app
from scheduler_sdk.worker import Worker

log = logging.getLogger(__name__)

SLOTS = 16
DRAIN_SECONDS = 10.0
"""How long running tasks may take to end once the platform is told to stop."""
INSISTED_SECONDS = 3.0
"""How long killing them and giving them back may take once somebody insists."""


def run_dev(options: DevOptions) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code; raises `LaunchRefused`."""
    loaded = load_settings(options.settings)
    configure_logs(loaded.logs)
    data_dir = Path(loaded.tree.data_dir).resolve()
    settings = loaded.settings(database_url=f"sqlite:///{data_dir / 'scheduler.sqlite'}")
    try:
        with data_directory(data_dir):
            return uvloop.run(_serve(settings, data_dir, example=options.example))
    except StoreUnavailable as error:
        raise LaunchRefused(f"{error} Its file is in {data_dir}.") from None
    except (DatabaseRefused, DataDirectoryInUse, Invalid, OSError) as error:
        raise LaunchRefused(str(error)) from None


async def _serve(settings: Settings, data_dir: Path, *, example: bool) -> int:
    listener = listen(settings.host, settings.port)
    container = Container(settings=providers.Object(settings))
    async with (
        running(container, migrate=True),
        serving(create_app(container.services(), allowed_hosts=settings.allowed_hosts), listener) as address,
    ):
        stop = StopSignals()
        settle_memory()
        if example:
            await container.jobs().apply(LOCAL, sample_jobs())
        logging.getLogger("scheduler_sdk.ends").setLevel(logging.DEBUG)  # somebody watches
        worker = Worker(address, executor_id="local", slots=SLOTS, commands=True, drain_timeout=DRAIN_SECONDS)
        running_worker = asyncio.create_task(worker.run(), name="worker")
        asked = asyncio.create_task(stop.asked.wait())
        _welcome(address, data_dir)
        await asyncio.wait({asked, running_worker}, return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping: running tasks may end within %.0f s; interrupt again to insist", DRAIN_SECONDS)
        worker.stop()
        insisted = asyncio.create_task(stop.insisted.wait())
        await asyncio.wait({insisted, running_worker}, return_when=asyncio.FIRST_COMPLETED)
        if insisted.done():
            worker.stop(at_once=True)
            await asyncio.wait({running_worker}, timeout=INSISTED_SECONDS)
        container.draining().begin()
        for task in (asked, insisted, running_worker):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    log.info("stopped")
    return 0


def _welcome(address: str, data_dir: Path) -> None:
    sys.stdout.write(
        f"""
Platform Scheduler is ready.

  API                {address}/api/v1
  API documentation  {address}/docs
  Health             {address}/actuator/health
  Data               {data_dir}

  In a second terminal:
    scheduler jobs list
    scheduler tasks list
    scheduler tasks logs -f TASK

Stop with Ctrl-C. What runs is shown below.
"""
    )
    sys.stdout.flush()
