"""Settings are loaded: all sources in their order, one value each, checked together."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

import msgspec

from application.scheduling.job_mapping import JobDefaults
from application.shared.log_level import LogLevel
from bootstrap.settings import EventStreamSettings, LogSettings, RetentionSettings, Settings
from bootstrap.settings_file import DEFAULT_FILE, SettingsFile, UnreadableFile, read_settings_file
from bootstrap.settings_keys import KEYS, LEVELS, ROOT
from bootstrap.settings_section import Section
from bootstrap.settings_sources import (
    Findings,
    Value,
    all_of,
    from_environment,
    from_file,
    from_flags,
    from_profile,
)
from bootstrap.settings_tree import LockProvider, Profile, Role, Scheduler
from domain.scheduling.executor import Liveness
from domain.scheduling.retry import RetryPolicy
from domain.shared.errors import Invalid
from infrastructure.redis.keys import Keys
from infrastructure.sql.limits import Limits
from interfaces.cli.launchers import GivenSettings, LaunchRefused

S = TypeVar("S", bound=Section)


class SettingsRefused(LaunchRefused):
    """Settings that nobody can start with; the message has a sentence for each."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The tree, and every value with its origin."""

    tree: Scheduler
    values: Mapping[str, Value]

    @property
    def logs(self) -> LogSettings:
        """What the log says."""
        prefix = f"{LEVELS}."
        levels = {
            name.removeprefix(prefix): cast(LogLevel, found.value)
            for name, found in self.values.items()
            if name.startswith(prefix)
        }
        return LogSettings(format=self.tree.logging.format, levels=MappingProxyType(levels))

    def require_database(self) -> str:
        """The server's database. Raises `SettingsRefused` if none is named."""
        if self.tree.database.url is None:
            raise SettingsRefused(
                f"{ROOT}.database.url is not set: name the database by --database-url, by DATABASE_URL, or as `url`"
                f" of [{ROOT}.database] in {DEFAULT_FILE}."
            )
        return self.tree.database.url

    def settings(self, database_url: str) -> Settings:
        """For a process that works on this database."""
        tree = self.tree
        return Settings(
            database_url=database_url,
            host=tree.server.host,
            port=tree.server.port,
            allowed_hosts=tuple(tree.server.allowed_hosts),
            node_id=tree.cluster.node_id or socket.gethostname(),
            profile=tree.profile,
            liveness=_liveness(tree),
            job_defaults=JobDefaults(
                retry=RetryPolicy(
                    max_attempts=tree.retry.max_attempts,
                    delay=timedelta(seconds=tree.retry.delay_seconds),
                    strategy=tree.retry.strategy,
                )
            ),
            slots=tree.job.max_concurrent_jobs,
            keep_events=timedelta(days=tree.events.keep_days),
            retention=_retention(tree),
            event_stream=_event_stream(tree),
            private_webhooks=tree.webhooks.allow_private,
            redis_url=tree.redis.url if tree.cluster.enabled else None,
            keys=Keys(
                prefix=tree.redis.key_prefix,
                hash_tag=tree.redis.tenant_hash_tag,
                lock_prefix=tree.lock.key_prefix,
                environment=tree.lock.environment,
            ),
            lock_provider=tree.lock.provider,
            roles=frozenset(tree.cluster.roles),
            node_timeout=timedelta(seconds=tree.cluster.node_timeout_seconds),
            limits=Limits(
                pool_size=tree.database.pool_size,
                hot_pool_size=tree.database.claim_pool_size,
                read_pool_size=tree.database.read_pool_size,
                statement_timeout=timedelta(seconds=tree.database.statement_timeout_seconds),
            ),
        )


def load_settings(
    given: GivenSettings, environment: Mapping[str, str] = os.environ, directory: Path | None = None
) -> Loaded:
    """Flags come before the environment, that before the file, that before the profile. Raises `SettingsRefused`."""
    found = Findings()
    from_flags(given.flags, found)
    from_environment(environment, found)
    try:
        if file := _file(given.file, environment, directory or Path()):
            from_file(file, found)
    except UnreadableFile as error:
        found.problems.append(str(error))
    chosen = found.values.get(f"{ROOT}.profile")
    from_profile(Profile.DEV if chosen is None else cast(Profile, chosen.value), found)
    tree = _built(Scheduler, ROOT, found.values)
    if problems := [*found.problems, *_contradictions(tree, found.values)]:
        raise SettingsRefused(all_of(problems))
    known = {name: found.values[name] for name in KEYS}
    return Loaded(tree, MappingProxyType(known | dict(sorted(found.values.items()))))


def _file(named: Path | None, environment: Mapping[str, str], directory: Path) -> SettingsFile | None:
    if named is None and (variable := environment.get("SCHEDULER_CONFIG")):
        named = Path(variable)
    if named is not None:
        return read_settings_file(named)
    default = directory / DEFAULT_FILE
    return read_settings_file(default) if default.is_file() else None


def _built(section: type[S], prefix: str, values: Mapping[str, Value]) -> S:
    """A branch of the tree from values that have been checked one by one."""
    parts: dict[str, Any] = {}
    for each in msgspec.structs.fields(section):
        name = f"{prefix}.{each.encode_name}"
        is_branch = isinstance(each.type, type) and issubclass(each.type, Section)
        parts[each.name] = _built(each.type, name, values) if is_branch else values[name].value
    return section(**parts)


def _liveness(tree: Scheduler) -> Liveness:
    return Liveness(
        interval=timedelta(seconds=tree.executor.heartbeat_interval_seconds),
        timeout=timedelta(seconds=tree.executor.timeout_seconds),
    )


def _retention(tree: Scheduler) -> RetentionSettings:
    kept = tree.retention
    return RetentionSettings(
        history=timedelta(days=kept.history_days),
        logs=timedelta(days=kept.logs_days),
        ledger=timedelta(days=kept.ledger_days),
        backfills=timedelta(days=kept.backfills_days),
        executors=timedelta(days=kept.executors_days),
        executions=timedelta(days=kept.executions_days),
        executions_most=kept.executions_most,
    )


def _event_stream(tree: Scheduler) -> EventStreamSettings | None:
    stream = tree.events.redis_stream
    if not stream.enabled or tree.redis.url is None:
        return None
    return EventStreamSettings(url=tree.redis.url, longest=stream.max_length)


def _contradictions(tree: Scheduler, values: Mapping[str, Value]) -> Iterator[str]:
    """What no value shows alone."""

    def said(short: str) -> str:
        name = f"{ROOT}.{short}"
        shown = values[name].value
        return f"{name} = {str(shown).lower() if isinstance(shown, bool) else shown} ({values[name].origin})"

    try:
        _liveness(tree)
    except Invalid:
        yield (
            f"{said('executor.timeout-seconds')} is less than three times"
            f" {said('executor.heartbeat-interval-seconds')}: one lost beat would count as a death."
        )
    if tree.security.enabled:
        yield (
            f"{said('security.enabled')} is refused: there is no authentication yet. Until there is, every program"
            " listens on loopback only; set it to false."
        )
    if tree.cluster.enabled and (tree.database.url or "").startswith("sqlite"):
        yield f"{said('cluster.enabled')} needs PostgreSQL: several nodes cannot share a SQLite file."
    if tree.events.redis_stream.enabled and tree.redis.url is None:
        yield f"{said('events.redis-stream.enabled')} needs {ROOT}.redis.url: the stream stands there."
    if tree.cluster.enabled and tree.redis.url is None:
        yield f"{said('cluster.enabled')} needs {ROOT}.redis.url: through it nodes wake each other."
    if tree.cluster.enabled and tree.lock.provider is LockProvider.LOCAL:
        yield f"{said('lock.provider')} is for one process: nodes of a cluster would not see each other's locks."
    if not tree.cluster.enabled and tree.lock.provider is LockProvider.REDIS:
        yield f"{said('lock.provider')} needs {ROOT}.cluster.enabled and a Redis."
    if not tree.cluster.enabled and len(set(tree.cluster.roles)) < len(Role):
        yield f"{said('cluster.roles')} leaves out what nobody else does: there is one node unless cluster.enabled."
    if not tree.redis.tenant_hash_tag and "+cluster" in (tree.redis.url or ""):
        yield f"{said('redis.tenant-hash-tag')} splits the keys of a lock between the servers of a Redis Cluster."
