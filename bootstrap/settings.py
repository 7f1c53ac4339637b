"""What may differ between two installations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from application.scheduling.job_mapping import JobDefaults
from domain.scheduling.executor import Liveness

INTERVAL = "SCHEDULER_EXECUTOR_HEARTBEAT_INTERVAL_SECONDS"
TIMEOUT = "SCHEDULER_EXECUTOR_TIMEOUT_SECONDS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`database_url` is `postgresql://…` or `sqlite:///FILE`; `port` 0 = any that is free."""

    database_url: str
    host: str = "127.0.0.1"
    port: int = 8080
    liveness: Liveness = field(default_factory=Liveness)
    job_defaults: JobDefaults = field(default_factory=JobDefaults)


def liveness_from(environment: Mapping[str, str]) -> Liveness:
    """Heartbeat interval and timeout, in seconds. Raises `Invalid` when the timeout is below three intervals."""
    standard = Liveness()
    return Liveness(
        interval=_seconds(environment, INTERVAL, standard.interval),
        timeout=_seconds(environment, TIMEOUT, standard.timeout),
    )


def _seconds(environment: Mapping[str, str], name: str, standard: timedelta) -> timedelta:
    text = environment.get(name)
    return standard if text is None else timedelta(seconds=float(text))
