"""Everything that runs: three nodes, four executors, PostgreSQL and Redis, and how each of them is treated badly."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import asyncpg
import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from infrastructure.sql.migrations import upgrade
from tests.chaos.plan import EXECUTORS, LIAR, NODES, Kind, Step
from tests.chaos.proxy import Network, Proxy
from tests.chaos.recording import set_up
from tests.e2e.programs import environment_of
from tests.invariants.history import Fault
from tests.own_servers import OwnPostgres, OwnRedis, own_postgres, own_redis
from tests.processes import free_port, start

BEAT_SECONDS, SILENCE_SECONDS = 1, 4
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()
"""
NO_STORE = "The store is not available"

SETTINGS = {
    "PLATFORM_SCHEDULER_CLUSTER_ENABLED": "true",
    "PLATFORM_SCHEDULER_CLUSTER_NODE_TIMEOUT_SECONDS": "5",
    "PLATFORM_SCHEDULER_EXECUTOR_HEARTBEAT_INTERVAL_SECONDS": str(BEAT_SECONDS),
    "PLATFORM_SCHEDULER_EXECUTOR_TIMEOUT_SECONDS": str(SILENCE_SECONDS),
    "PLATFORM_SCHEDULER_LOGGING_FORMAT": "json",
}


@dataclass
class Child:
    """A process that is started again under the same name; what all its lives said lies in `room/log`."""

    name: str
    room: Path
    command: list[str | Path]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    paused: bool = False
    killed: bool = False

    def start(self) -> None:
        self.killed = False
        self.room.mkdir(parents=True, exist_ok=True)
        variables = [f"{name}={value}" for name, value in environment_of(self.environment).items()]
        self.process = start(["env", *variables, *self.command], self.room, at_end=signal.SIGKILL)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> str:
        return (self.room / "log").read_text(errors="replace")

    def kill(self) -> None:
        self.killed = True
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)
        self.paused = True

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)
        self.paused = False

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


@dataclass
class Site:
    """`faults` are those that have been mended."""

    room: Path
    postgres: OwnPostgres
    redis: OwnRedis
    network: Network
    proxies: dict[str, Proxy]
    ports: dict[str, int]
    nodes: dict[str, Child] = field(default_factory=dict)
    executors: dict[str, Child] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    _busy: dict[str, asyncio.Lock] = field(default_factory=dict)

    def addresses(self) -> list[str]:
        """Of the nodes that a balancer would believe to be alive."""
        return [f"http://127.0.0.1:{port}" for port in self.live_ports()]

    def live_ports(self) -> list[int]:
        return [self.ports[name] for name, node in self.nodes.items() if node.runs and not node.paused]

    def witness(self, executor: str) -> Path:
        return self.room / f"{executor}.witness"

    async def supervise(self) -> None:
        """Start again what ended because it found no database: the one reason for which a node may give up."""
        while True:
            for child in (*self.nodes.values(), *self.executors.values()):
                if not child.runs and not child.killed:
                    last = child.log[-3000:]
                    if NO_STORE not in last.splitlines()[-1]:
                        raise AssertionError(f"{child.name} has ended by itself:\n{last}")
                    child.start()
            await asyncio.sleep(1)

    async def suffer(self, step: Step) -> None:
        """Do it, wait, and mend it; not before the last one that befell the target is mended."""
        async with self._busy.setdefault(step.target, asyncio.Lock()):
            began = datetime.now(UTC)
            await self._break(step)
        self.faults.append(Fault(kind=step.kind, target=step.target, began_at=began, ended_at=datetime.now(UTC)))

    async def _break(self, step: Step) -> None:
        match step.kind:
            case Kind.KILL_NODE | Kind.KILL_EXECUTOR:
                child = self._child(step.target)
                await asyncio.to_thread(child.kill)
                await asyncio.sleep(step.lasts)
                child.start()
            case Kind.PAUSE_NODE | Kind.PAUSE_EXECUTOR:
                child = self._child(step.target)
                child.pause()
                await asyncio.sleep(step.lasts)
                child.go_on()
            case Kind.PARTITION_EXECUTOR:
                proxy = self.proxies[step.target]
                proxy.partitioned = True
                proxy.cut()
                await asyncio.sleep(step.lasts)
                proxy.partitioned = False
            case Kind.POSTGRES_FAST | Kind.POSTGRES_IMMEDIATE:
                await asyncio.to_thread(self.postgres.stop, immediate=step.kind is Kind.POSTGRES_IMMEDIATE)
                await asyncio.sleep(step.lasts)
                await asyncio.to_thread(self.postgres.start)
            case Kind.POSTGRES_READ_ONLY:
                await self._alter_postgres("SET default_transaction_read_only = on")
                await asyncio.sleep(step.lasts)
                await self._alter_postgres("RESET default_transaction_read_only")
            case Kind.CUT_POSTGRES:
                await self._cut_postgres(step.lasts)
            case Kind.REDIS_KILL:
                await asyncio.to_thread(self.redis.kill)
                await asyncio.sleep(step.lasts)
                self.redis.start()
            case Kind.REDIS_PAUSE:
                self.redis.signal(signal.SIGSTOP)
                await asyncio.sleep(step.lasts)
                self.redis.signal(signal.SIGCONT)
            case Kind.CUT_REDIS:
                await self._cut_redis()
            case Kind.STORM:
                self.network.stormy = True
                await asyncio.sleep(step.lasts)
                self.network.stormy = False

    def _child(self, name: str) -> Child:
        return self.nodes.get(name) or self.executors[name]

    async def _alter_postgres(self, what: str) -> None:
        """Of all transactions that begin from now on."""
        connection = await asyncpg.connect(self.postgres.address)
        try:
            await connection.execute(f"ALTER SYSTEM {what}")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()

    async def _cut_postgres(self, seconds: float) -> None:
        """Again and again whatever does something just then: often in the middle of a transaction, or of its commit."""
        connection = await asyncpg.connect(self.postgres.address)
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                await connection.execute(CUT)
                await asyncio.sleep(0.02)
        finally:
            await connection.close()

    async def _cut_redis(self) -> None:
        async with Redis.from_url(self.redis.url) as client:
            for kind in ("normal", "pubsub"):
                with contextlib.suppress(RedisError):
                    await client.client_kill_filter(_type=kind, skipme=True)

    async def ready(self) -> dict[str, bool]:
        """Which node says so, and which executor is online in the eyes of a node."""
        found: dict[str, bool] = {}
        async with httpx.AsyncClient(timeout=5) as http:
            for name, port in self.ports.items():
                found[name] = False
                with contextlib.suppress(httpx.HTTPError):
                    answer = await http.get(f"http://127.0.0.1:{port}/actuator/health/readiness")
                    found[name] = answer.status_code == 200
            with contextlib.suppress(httpx.HTTPError):
                answer = await http.get(f"{self.addresses()[0]}/api/v1/cluster/executors?status=ONLINE")
                online = {one["id"] for one in answer.json()["items"]} if answer.is_success else set()
                found |= {name: name in online for name in self.executors}
        return found


@contextlib.asynccontextmanager
async def site(room: Path, seed: int) -> AsyncIterator[Site]:
    """Started; all of it is gone with the block, however that ends."""
    with ExitStack() as stack:
        postgres, redis = stack.enter_context(own_postgres()), stack.enter_context(own_redis())
        await asyncio.to_thread(upgrade, postgres.url)
        connection = await asyncpg.connect(postgres.address)
        await set_up(connection)
        await connection.close()
        ports = {name: free_port() for name in NODES}
        network = Network(Random(f"network {seed}"))
        proxies = {name: Proxy(network) for name in (*EXECUTORS, "clients")}
        found = Site(room, postgres, redis, network, proxies, ports)
        network.nodes = found.live_ports
        for proxy in proxies.values():
            await proxy.start()
        shared = SETTINGS | {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        for name in NODES:
            command: list[str | Path] = [sys.executable, "-m", "bootstrap", "server", "--port", str(ports[name])]
            labelled = shared | {"PLATFORM_SCHEDULER_CLUSTER_NODE_ID": name}
            found.nodes[name] = Child(name, room / name, command, labelled)
        for name in EXECUTORS:
            program = ["tests.chaos.liar" if name == LIAR else "tests.chaos.worker"]
            command = [sys.executable, "-m", *program, proxies[name].address, name, found.witness(name)]
            found.executors[name] = Child(name, room / name, [*command, *([str(seed)] if name == LIAR else [])], {})
        children = [*found.nodes.values(), *found.executors.values()]
        try:
            for child in children:
                child.start()
            yield found
        finally:
            for child in children:
                child.kill()
            for proxy in proxies.values():
                await proxy.close()
