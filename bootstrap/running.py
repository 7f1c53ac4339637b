"""What opens and closes, in which order; the same for servers, the command line and tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bootstrap.container import Container
from infrastructure.sql.migrations import check_revision, upgrade_async
from infrastructure.time_zones import pin_time_zones


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
        if loops:
            for loop in container.loops():
                loop.start()
                stack.push_async_callback(loop.stop)
        yield
