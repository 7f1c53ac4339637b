"""Every setting there is: its place in the tree `platform.scheduler`, type, bounds, default, and what it means."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from application.shared.log_level import LogLevel
from bootstrap.settings_retention import Retention
from bootstrap.settings_section import Section
from domain.scheduling.retry import RetryStrategy

DAY = 86_400.0
YEAR = 366 * DAY


class Role(StrEnum):
    """What a node does; `api` serves requests, `loops` fires, frees, times out and cleans up."""

    API = "api"
    LOOPS = "loops"


class LockProvider(StrEnum):
    """Where the locks of operations are kept."""

    DATABASE = "database"
    REDIS = "redis"
    LOCAL = "local"


STANDARD_VARIABLES = {"database.url": "DATABASE_URL", "redis.url": "REDIS_URL", "server.port": "PORT"}
"""Environment variables that everybody knows; the setting's own variable comes before them."""

SECRETS = frozenset({"database.url", "redis.url"})
"""May hold a password: never shown whole, and may be read from the file that `…_FILE` names."""


class Profile(StrEnum):
    """What the platform is started for; decides a few defaults."""

    DEV = "dev"
    TEST = "test"
    PROD = "prod"


class LogFormat(StrEnum):
    """`auto`: text on a terminal, JSON elsewhere."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


class Retry(Section, frozen=True):
    max_attempts: Annotated[
        int, Meta(ge=1, le=1000, description="Tries of a task, the first included, if its job says nothing.")
    ] = 3
    delay_seconds: Annotated[
        float, Meta(ge=0, le=YEAR, description="The wait before the second try, if the job says nothing.")
    ] = 60
    strategy: Annotated[
        RetryStrategy, Meta(description="How that wait grows with every try, if the job says nothing.")
    ] = RetryStrategy.EXPONENTIAL_BACKOFF


class Executor(Section, frozen=True):
    heartbeat_interval_seconds: Annotated[float, Meta(gt=0, le=DAY, description="How often executors beat.")] = 30
    timeout_seconds: Annotated[
        float,
        Meta(gt=0, le=DAY, description="Silence after which an executor is lost; at least three heartbeat intervals."),
    ] = 120


class Job(Section, frozen=True):
    max_concurrent_jobs: Annotated[
        int, Meta(ge=1, le=100_000, description="Tasks at the same time of an executor that does not say how many.")
    ] = 100


class Cluster(Section, frozen=True):
    enabled: Annotated[
        bool,
        Meta(description="Whether several server nodes share the database; needs PostgreSQL and `redis.url`."),
    ] = False
    node_id: Annotated[
        str | None,
        Meta(
            description="This node's name for people; the host's name if not set.",
            extra={"allowed": "a name of 1 to 128 letters, digits and ._:-", "pattern": r"[A-Za-z0-9._:-]{1,128}"},
        ),
    ] = None
    roles: Annotated[
        list[Role],
        Meta(
            min_length=1,
            description="What this node does: `api` serves requests, `loops` fires, times out and cleans up.",
            extra={"allowed": "a list of api and loops; in the environment separated by commas"},
        ),
    ] = msgspec.field(default_factory=lambda: [Role.API, Role.LOOPS])
    node_timeout_seconds: Annotated[
        float, Meta(ge=3, le=DAY, description="Silence after which a node is shown as LOST.")
    ] = 15


class Security(Section, frozen=True):
    enabled: Annotated[
        bool, Meta(description="Whether callers must prove who they are. Not available yet: `true` is refused.")
    ] = False
    executor_auth_token_header: Annotated[
        str,
        Meta(
            description="The header in which executors will send their token. Accepted; unused until then.",
            extra={"allowed": "the name of an HTTP header", "pattern": r"[A-Za-z0-9-]{1,64}"},
        ),
    ] = "X-Executor-Auth-Token"


class Database(Section, frozen=True):
    url: Annotated[
        str | None,
        Meta(
            description="The server's database. `scheduler dev` keeps a file of its own in `data-dir` instead.",
            extra={
                "allowed": "an address like postgresql://user:password@host/name or sqlite:///FILE",
                "pattern": r"(postgres(ql)?(\+asyncpg)?://\S*|sqlite(\+aiosqlite)?:///.+)",
            },
        ),
    ] = None
    pool_size: Annotated[
        int, Meta(ge=2, le=200, description="Connections of a node to PostgreSQL for units of work.")
    ] = 10
    claim_pool_size: Annotated[
        int, Meta(ge=1, le=200, description="Connections of a node to PostgreSQL for claims and reports.")
    ] = 8
    read_pool_size: Annotated[
        int, Meta(ge=1, le=200, description="Connections of a node to PostgreSQL for lists and views.")
    ] = 5
    statement_timeout_seconds: Annotated[
        int, Meta(ge=1, le=3600, description="After so long PostgreSQL ends a statement of the platform.")
    ] = 30


class Redis(Section, frozen=True):
    url: Annotated[
        str | None,
        Meta(
            description="The Redis through which the nodes of a cluster coordinate: one server, Sentinels, a Cluster.",
            extra={
                "allowed": "an address like redis://user:password@host:6379/0, redis+sentinel://host,host/MASTER or"
                " redis+cluster://host,host",
                "pattern": r"(rediss?(\+sentinel|\+cluster)?|unix)://\S+",
            },
        ),
    ] = None
    key_prefix: Annotated[
        str,
        Meta(
            description="What the names of all keys begin with.",
            extra={"allowed": "1 to 64 letters, digits and ._:-", "pattern": r"[A-Za-z0-9._:-]{1,64}"},
        ),
    ] = "of"
    tenant_hash_tag: Annotated[
        bool, Meta(description="Whether keys have the tenant in braces, which a Redis Cluster needs.")
    ] = True


class RedisStream(Section, frozen=True):
    enabled: Annotated[
        bool, Meta(description="Whether all events are also written to a stream of the Redis at `redis.url`.")
    ] = False
    max_length: Annotated[
        int, Meta(ge=1_000, le=1_000_000_000, description="Events that the stream keeps, about so many.")
    ] = 100_000


class Events(Section, frozen=True):
    keep_days: Annotated[
        float,
        Meta(
            gt=0,
            le=3650,
            description="How long events are kept for streams and sinks; four times as long for a sink that is late.",
        ),
    ] = 7
    redis_stream: RedisStream = RedisStream()


class Webhooks(Section, frozen=True):
    allow_private: Annotated[
        bool,
        Meta(description="Whether webhooks may have loopback, private and other addresses that are not public."),
    ] = False


class Lock(Section, frozen=True):
    provider: Annotated[
        LockProvider,
        Meta(description="Where locks of operations are kept; `local` is for a platform of one process only."),
    ] = LockProvider.DATABASE
    key_prefix: Annotated[
        str,
        Meta(
            description="The part of a lock's key in Redis after the tenant.",
            extra={"allowed": "1 to 64 letters, digits and ._-", "pattern": r"[A-Za-z0-9._-]{1,64}"},
        ),
    ] = "job-lock"
    environment: Annotated[
        str,
        Meta(
            description="The part of every key in Redis that tells platforms apart which share it.",
            extra={"allowed": "1 to 64 letters, digits and ._-", "pattern": r"[A-Za-z0-9._-]{1,64}"},
        ),
    ] = "default"


class Server(Section, frozen=True):
    host: Annotated[str, Meta(min_length=1, max_length=255, description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="The port to listen on; 0 takes a free one.")] = 8080
    allowed_hosts: Annotated[
        list[Annotated[str, Meta(pattern=r"^([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]+\])\Z")]],
        Meta(
            description="Further names by which clients may call this server, besides those of loopback.",
            extra={"allowed": "a list of host names without port; in the environment separated by commas"},
        ),
    ] = []


class Level(Section, frozen=True):
    """Beside `root` every logger may have its level, by its name."""

    root: Annotated[
        LogLevel, Meta(description="How much the log says; `logging.level.PACKAGE` is the same for one package.")
    ] = LogLevel.INFO


class Logging(Section, frozen=True):
    format: Annotated[LogFormat, Meta(description="How lines look; `auto`: text on a terminal, JSON elsewhere.")] = (
        LogFormat.AUTO
    )
    level: Level = Level()


class Scheduler(Section, frozen=True):
    """The whole tree."""

    profile: Annotated[Profile, Meta(description="What the platform is started for; decides a few defaults.")] = (
        Profile.DEV
    )
    data_dir: Annotated[
        str, Meta(min_length=1, description="Where `scheduler dev` keeps its data; made if missing.")
    ] = ".scheduler"
    database: Database = Database()
    redis: Redis = Redis()
    events: Events = Events()
    webhooks: Webhooks = Webhooks()
    retention: Retention = Retention()
    lock: Lock = Lock()
    server: Server = Server()
    retry: Retry = Retry()
    executor: Executor = Executor()
    job: Job = Job()
    cluster: Cluster = Cluster()
    security: Security = Security()
    logging: Logging = Logging()


PROFILES: dict[Profile, dict[str, object]] = {
    Profile.DEV: {},
    Profile.TEST: {"data-dir": ".scheduler-test", "server.port": 0, "logging.level.root": LogLevel.WARN},
    Profile.PROD: {"data-dir": "/var/lib/platform-scheduler", "logging.format": LogFormat.JSON},
}
"""Where a profile's defaults differ from those above."""
