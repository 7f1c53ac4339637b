"""What may differ between two installations, as one immutable value."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from application.scheduling.job_mapping import JobDefaults
from application.shared.log_level import LogLevel
from bootstrap.settings_tree import LockProvider, LogFormat, Profile, Role
from domain.scheduling.executor import Liveness
from infrastructure.redis.keys import Keys
from infrastructure.sql.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """How lines look, and how much each logger says; `root` stands for all."""

    format: LogFormat = LogFormat.AUTO
    levels: Mapping[str, LogLevel] = field(default_factory=lambda: {"root": LogLevel.INFO})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStreamSettings:
    """The Redis with the stream of all events, and about how many it keeps."""

    url: str
    longest: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """How long what is over is kept, and how many executions of operations."""

    history: timedelta = timedelta(days=30)
    logs: timedelta = timedelta(days=14)
    ledger: timedelta = timedelta(days=90)
    backfills: timedelta = timedelta(days=90)
    executors: timedelta = timedelta(days=7)
    executions: timedelta = timedelta(days=30)
    executions_most: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the container is built from.

    `database_url` is `postgresql://…` or `sqlite:///FILE`; `port` 0 = any that is free; `slots` = tasks at the same
    time of an executor that does not say how many.
    """

    database_url: str
    host: str = "127.0.0.1"
    port: int = 8080
    allowed_hosts: tuple[str, ...] = ()
    node_id: str = field(default_factory=socket.gethostname)
    profile: Profile = Profile.DEV
    liveness: Liveness = field(default_factory=Liveness)
    job_defaults: JobDefaults = field(default_factory=JobDefaults)
    slots: int = 100
    redis_url: str | None = None
    """None: there is one node, and it needs no Redis."""
    keep_events: timedelta = timedelta(days=7)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    event_stream: EventStreamSettings | None = None
    """None: events are not written to Redis."""
    private_webhooks: bool = False
    """Whether webhooks may have addresses that are not public."""
    keys: Keys = field(default_factory=Keys)
    lock_provider: LockProvider = LockProvider.DATABASE
    roles: frozenset[Role] = frozenset(Role)
    node_timeout: timedelta = timedelta(seconds=15)
    limits: Limits = field(default_factory=Limits)
