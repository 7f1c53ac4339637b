"""The HTTP server inside our own main: one place owns the signals, streams end before the server waits for them."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from litestar import Litestar

from interfaces.cli.launchers import LaunchRefused

GRACE_SECONDS = 10
"""How long requests under way may take to end once the server stops."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on loopback; port 0 = any that is free. Raises `LaunchRefused`."""
    if not _is_loopback(host):
        raise LaunchRefused(
            f"Listening on {host} is refused: there is no authentication yet, so anybody who reaches that"
            " address could run commands here. Listen on 127.0.0.1 and let an authenticating proxy in front of it"
            " decide who may come."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise LaunchRefused(
            f"Cannot listen on {host}:{port}: {error.strerror}. Is another server running? Choose another --port."
        ) from None
    listener.listen(2048)
    return listener


@asynccontextmanager
async def serving(app: Litestar, listener: socket.socket) -> AsyncIterator[str]:
    """The app answers on `listener` inside the block; its address."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws="none",
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        while not server.started:
            if task.done():
                task.result()
                raise LaunchRefused("The HTTP server did not start.")
            await asyncio.sleep(0.005)
        host, port = listener.getsockname()[:2]
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        server.should_exit = True
        await task


class StopSignals:
    """SIGTERM and SIGINT ask to stop; a second one insists."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.insisted = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._arrive)

    def _arrive(self) -> None:
        if self.asked.is_set():
            self.insisted.set()
        self.asked.set()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
