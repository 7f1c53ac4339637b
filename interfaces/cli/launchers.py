"""What the command line asks of whoever wires the product together: to start its processes and mind its database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DevOptions:
    """One process with everything in it. Its data live in `data_dir`; with `example` it starts with sample jobs."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8080
    example: bool = False


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """A server node on a database that exists."""

    database_url: str
    host: str = "127.0.0.1"
    port: int = 8080


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """A process that runs COMMAND tasks. `executor_id` None: the server makes one. Labels add to the worker's own."""

    server: str
    executor_id: str | None = None
    pool: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)
    slots: int = 100
    drain_timeout_seconds: float = 30.0


class LaunchRefused(Exception):
    """A process cannot start, or the database cannot be changed, for a reason a person can mend; no traceback."""


class Launchers(Protocol):
    """Starts processes in this one. Each returns the exit code once the process has ended.

    All raise `LaunchRefused`. A database URL is SQLAlchemy's, with or without the driver.
    """

    def dev(self, options: DevOptions) -> int: ...

    def server(self, options: ServerOptions) -> int: ...

    def worker(self, options: WorkerOptions) -> int: ...

    def db_upgrade(self, url: str) -> str:
        """Brings the schema up to date; what was done, for a person."""
        ...

    def db_current(self, url: str) -> str:
        """The schema's revision, and the one this code wants."""
        ...

    def db_sql(self, url: str) -> str:
        """The statements of an upgrade from an empty database, without running any."""
        ...
