"""What the command line asks of whoever wires the product together: to start its processes and mind its database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Flag:
    """A setting given on the command line: what the flag is called, which setting it means, the text it gives."""

    name: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """What the command line says about settings; `file` None: that of the environment or of the working directory."""

    file: Path | None = None
    flags: tuple[Flag, ...] = ()


AS_THEY_ARE = GivenSettings()


@dataclass(frozen=True, slots=True)
class DevOptions:
    """One process with everything in it; with `example` it starts with sample jobs."""

    settings: GivenSettings = AS_THEY_ARE
    example: bool = False


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """A server node on a database that exists."""

    settings: GivenSettings = AS_THEY_ARE


@dataclass(frozen=True, slots=True)
class RunsToo:
    """What a worker runs besides commands. `databases`: URLs by name; `job_types`: those of installed packages."""

    http: bool = False
    http_allow_private: bool = False
    databases: Mapping[str, str] = field(default_factory=dict, repr=False)
    job_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """A process that runs COMMAND tasks. `executor_id` None: the server makes one. Labels add to the worker's own."""

    server: str
    executor_id: str | None = None
    pool: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)
    slots: int = 100
    drain_timeout_seconds: float = 30.0
    settings: GivenSettings = AS_THEY_ARE
    runs: RunsToo = RunsToo()


@dataclass(frozen=True, slots=True)
class SettingView:
    """A setting as people may see it: passwords are left out. `origin` is a flag, a variable, a line of a file, …"""

    name: str
    value: object
    origin: str


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The schema that a database has (empty: none) and the one that this version works with."""

    present: str
    wanted: str
    is_older: bool


class LaunchRefused(Exception):
    """A process cannot start, or the database cannot be changed, for a reason a person can mend; no traceback."""


class Launchers(Protocol):
    """Starts processes in this one. Each returns the exit code once the process has ended.

    All raise `LaunchRefused`.
    """

    def dev(self, options: DevOptions) -> int: ...

    def server(self, options: ServerOptions) -> int: ...

    def worker(self, options: WorkerOptions) -> int: ...

    def db_upgrade(self, settings: GivenSettings) -> str:
        """Brings the schema up to date; what was done, for a person."""
        ...

    def db_schema(self, settings: GivenSettings) -> SchemaState: ...

    def db_current(self, settings: GivenSettings) -> str:
        """The schema's revision, and the one this code wants."""
        ...

    def db_sql(self, settings: GivenSettings) -> str:
        """The statements of an upgrade from an empty database, without running any."""
        ...

    def settings(self, given: GivenSettings, *, for_server: bool = False) -> Sequence[SettingView]:
        """All settings as they would be used, checked; with `for_server` also for what only a server needs."""
        ...
