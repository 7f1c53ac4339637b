"""What opens and closes, in which order; the same for servers, the command line and tests."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from application.shared.errors import StoreUnavailable
from application.shared.wake_up import LANES
from bootstrap.container import Container
from bootstrap.settings_tree import Role
from infrastructure.sql.migrations import check_revision, upgrade_async
from infrastructure.time_zones import pin_time_zones
from interfaces.loops.looper import Looper

log = logging.getLogger(__name__)


@asynccontextmanager
async def running(container: Container, *, migrate: bool, loops: bool = True) -> AsyncIterator[None]:
    """Everything that `container` has built is open inside the block.

    `migrate` brings the schema up to date (embedded mode); one that does not fit is refused with `DatabaseRefused`.
    """
    pin_time_zones()
    async with AsyncExitStack() as stack:
        store = container.store()
        stack.push_async_callback(store.dispose)
        if migrate:
            await upgrade_async(store)
        await check_revision(store)
        telemetry = container.telemetry()
        telemetry.watch_loop()
        stack.callback(telemetry.close)
        coordination = container.coordination()
        coordination.follow(LANES, container.lanes().look_again)
        coordination.follow(LANES, container.switches().look_again)
        await stack.enter_async_context(coordination.running())
        if loops:
            stack.push_async_callback(_leave, container)
            stack.push_async_callback(container.sinks().close)
            stack.push_async_callback(container.relay().close)
            for loop in (*container.every_node_loops(), *_of_roles(container)):
                loop.start()
                stack.push_async_callback(loop.stop)
            stack.callback(container.operation_runner().stop)
        yield


def _of_roles(container: Container) -> Sequence[Looper]:
    return container.loops() if Role.LOOPS in container.settings().roles else ()


async def _leave(container: Container) -> None:
    try:
        await container.nodes().leave()
    except StoreUnavailable as error:
        log.warning("this node could not say goodbye, and will be shown as lost: %s", error)
