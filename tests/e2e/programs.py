"""Starts the command `scheduler` as a child process and waits for conditions, never for times."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import httpx

from scheduler_sdk.client import Client
from tests.processes import free_port, start

PATIENCE = 90.0  # seconds; a bound against hanging, not a measure

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], what: str) -> Found:
    """The first truthy answer of `look`."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if found := look():
                return found
        time.sleep(0.05)
    raise AssertionError(f"waited {PATIENCE:.0f} s in vain: {what}")


class Program:
    """One running program; its output lies in `room/log`."""

    def __init__(self, room: Path, *arguments: str | Path, **environment: str) -> None:
        room.mkdir(parents=True, exist_ok=True)
        self.room = room
        command = [sys.executable, "-m", "bootstrap", *map(str, arguments)]
        self.process = start(["env", *(f"{k}={v}" for k, v in environment_of(environment).items()), *command], room)

    @property
    def output(self) -> str:
        return (self.room / "log").read_text()

    def kill(self) -> None:
        """As if the power went: no chance to say goodbye."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        if self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()


def environment_of(more: Mapping[str, str]) -> dict[str, str]:
    """What a child process of ours needs to find the product, and to be measured with it."""
    kept = {name: os.environ[name] for name in ("COVERAGE_PROCESS_START", "PYTHONPATH") if name in os.environ}
    root = str(Path(__file__).parents[2])
    kept["PYTHONPATH"] = os.pathsep.join([root, f"{root}/sdk/python", kept.get("PYTHONPATH", "")])
    return {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **kept, **more}


@contextlib.contextmanager
def platform(room: Path, *options: str, port: int | None = None, **environment: str) -> Iterator[tuple[Program, str]]:
    """`scheduler dev` on `room/data`; the program and its address."""
    port = port or free_port()
    program = Program(room, "dev", "--data-dir", room / "data", "--port", str(port), *options, **environment)
    try:
        yield program, wait_until_ready(program, port)
    finally:
        program.end()


@contextlib.contextmanager
def server_at(
    room: Path, database_url: str, port: int, environment: Mapping[str, str]
) -> Iterator[tuple[Program, str]]:
    """`scheduler server` on a database; the program and its address."""
    program = Program(room, "server", "--database-url", database_url, "--port", str(port), **environment)
    try:
        yield program, wait_until_ready(program, port)
    finally:
        program.end()


def server(room: Path, database_url: str, **environment: str) -> contextlib.AbstractContextManager[tuple[Program, str]]:
    """The same on a port that is free."""
    return server_at(room, database_url, free_port(), environment)


@contextlib.contextmanager
def worker(room: Path, address: str, *options: str) -> Iterator[Program]:
    """`scheduler worker` for a server."""
    program = Program(room, "worker", "--server", address, *options)
    try:
        yield program
    finally:
        program.end()


def wait_until_ready(program: Program, port: int) -> str:
    """The address, once it answers that it is ready."""
    address = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        if program.process.poll() is not None:
            raise AssertionError(f"it ended with {program.process.returncode}:\n{program.output}")
        return httpx.get(f"{address}/actuator/health/readiness").status_code == 200

    eventually(ready, f"readiness at {address}:\n{program.output}")
    return address


def client(address: str) -> Client:
    """A client of the platform there."""
    return Client(address)
