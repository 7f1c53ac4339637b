"""A PostgreSQL and a Redis that a test may treat badly; they keep their ports and, PostgreSQL, their data."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.processes import Account, free_port, scratch, start, unprivileged
from tests.services import NO_POSTGRES, NO_REDIS, Unavailable, postgres_programs, redis_programs

STARTING_SECONDS = 60


@dataclass
class OwnRedis:
    """A Redis that keeps nothing: started again, it is empty."""

    program: list[str | Path]
    room: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *options: str) -> None:
        command = [*self.program, "--port", str(self.port), "--dir", self.room, "--save", "", *options]
        self.process = start(command, self.room, unprivileged(), at_end=signal.SIGKILL)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)


@contextlib.contextmanager
def own_redis() -> Iterator[OwnRedis]:
    """One that runs. Raises `Unavailable` if there is none."""
    account = unprivileged()
    program = next(redis_programs(), None)
    if program is None:
        raise Unavailable(NO_REDIS)
    with scratch("own-redis", account) as room:
        own = OwnRedis([program.reachable_by(account, room).path, "--bind", "127.0.0.1"], room)
        own.start()
        yield own
        with contextlib.suppress(ProcessLookupError):
            own.kill()


@dataclass
class OwnPostgres:
    """A PostgreSQL that keeps what it has committed, whatever ends it; only a power loss it would not survive.

    `begin` stands before its command, and is then what changes to the account.
    """

    binaries: Path
    room: Path
    account: Account | None
    begin: Sequence[str | Path] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """For a driver."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def url(self) -> str:
        """For the platform."""
        return self.address.replace("postgresql://", "postgresql+asyncpg://")

    def start(self) -> None:
        """Raises `Unavailable` if it does not come up."""
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "fsync=off"]
        options = [part for each in (*settings, "timezone=UTC", "shared_buffers=64MB") for part in ("-c", each)]
        with contextlib.suppress(FileNotFoundError):  # that of one that was killed says "ready", too
            (self.room / "data" / "postmaster.pid").unlink()
        where: list[str | Path] = [self.binaries / "postgres", "-D", self.room / "data", "-p", str(self.port)]
        self.process = start([*self.begin, *where, *options], self.room, None if self.begin else self.account)
        deadline = time.monotonic() + STARTING_SECONDS
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable((self.room / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def stop(self, *, immediate: bool = False) -> None:
        """Fast: roll back what is under way and write all down; immediate: as if it had crashed."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError):  # not there yet; for a moment it is there and empty
            return (self.room / "data" / "postmaster.pid").read_text().rstrip().endswith("ready")
        return False


@contextlib.contextmanager
def own_postgres(small_disk: int | None = None) -> Iterator[OwnPostgres]:
    """One that runs. Raises `Unavailable` if there is none.

    With a `small_disk`, of so many bytes, `room/disk` is the place for a tablespace; that needs the rights of root.
    """
    account = unprivileged()
    program = next(postgres_programs(), None)
    if program is None:
        raise Unavailable(NO_POSTGRES)
    with scratch("own-postgres", account) as room:
        binaries = program.reachable_by(account, room).path.parent
        initdb: list[str | Path] = [binaries / "initdb", "-D", room / "data", "-U", "postgres", "-A", "trust"]
        if start([*initdb, "-E", "UTF8", "--no-sync", "--locale=C"], room, account).wait(timeout=60) != 0:
            raise Unavailable((room / "log").read_text(errors="replace")[-2000:])
        own = OwnPostgres(binaries, room, account, [] if small_disk is None else _on_a_disk(room, small_disk, account))
        own.start()
        try:
            yield own
        finally:
            own.stop(immediate=True)


def _on_a_disk(room: Path, size: int, account: Account | None) -> list[str | Path]:
    """Mounts a disk that only the process itself sees, and that is gone with it."""
    if account is None:
        raise Unavailable("only root may mount a disk")
    (room / "disk").mkdir()
    owner = f"uid={account.uid},gid={account.gid}"
    mount = f"mount -t tmpfs -o size={size},mode=0700,{owner} tmpfs '{room}/disk'"
    become = f"setpriv --reuid {account.uid} --regid {account.gid} --clear-groups --pdeathsig INT"
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{mount} && exec {become} "$@"', "sh"]
