"""`scheduler server`: one node on a PostgreSQL database."""

from __future__ import annotations

import asyncio
import logging

import uvloop
from dependency_injector import providers

from application.shared.errors import StoreUnavailable
from bootstrap.container import Container
from bootstrap.logs import configure_logs
from bootstrap.memory import settle_memory
from bootstrap.running import running
from bootstrap.serving import StopSignals, listen, serving
from bootstrap.settings import Settings
from bootstrap.settings_loading import load_settings
from bootstrap.settings_tree import Role
from domain.shared.errors import Invalid
from infrastructure.sql.migrations import DatabaseRefused
from interfaces.cli.launchers import LaunchRefused, ServerOptions
from interfaces.rest.app import create_app

log = logging.getLogger(__name__)


def run_server(options: ServerOptions) -> int:
    """Serve until SIGTERM or SIGINT, then drain. Returns the exit code; raises `LaunchRefused`."""
    loaded = load_settings(options.settings)
    configure_logs(loaded.logs)
    try:
        return uvloop.run(_serve(loaded.settings(loaded.require_database())))
    except (StoreUnavailable, DatabaseRefused, Invalid, ValueError) as error:
        raise LaunchRefused(str(error)) from None


async def _serve(settings: Settings) -> int:
    listener = listen(settings.host, settings.port)
    container = Container(settings=providers.Object(settings))
    api = Role.API in settings.roles
    app = create_app(container.services(), allowed_hosts=settings.allowed_hosts, api=api)
    async with running(container, migrate=False), serving(app, listener) as address:
        stop = StopSignals()
        settle_memory()
        if api:
            log.info("ready: %s (API documentation: %s/docs)", address, address)
        else:
            log.info("ready: %s/actuator (the API is served by nodes with the role api)", address)
        await stop.asked.wait()
        log.info("stopping: claims end, requests under way finish")
        container.draining().begin()
        await asyncio.sleep(0)
    log.info("stopped")
    return 0
