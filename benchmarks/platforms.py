"""Servers, workers and jobs for the scenarios: real processes, PostgreSQL with its default durability."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from infrastructure.sql.migrations import upgrade
from tests.processes import free_port
from tests.services import private_postgres

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database of the platform, to be written to beside the product."""

    database_url: str

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Run one statement on the database, beside the product."""

        async def run() -> list[Any]:
            connection = await asyncpg.connect(self.database_url)
            try:
                return list(await connection.fetch(statement, *values))
            finally:
                await connection.close()

        return asyncio.run(run())


@dataclass(frozen=True, kw_only=True)
class Server(Database):
    """A running `scheduler server`, with its database."""

    address: str
    process: subprocess.Popen[bytes]
    room: Path

    def apply(self, *jobs: dict[str, object]) -> list[dict[str, Any]]:
        """Create or replace jobs; what became of each."""
        items: list[dict[str, Any]] = []
        for first in range(0, len(jobs), 100):
            answer = httpx.post(
                f"{self.address}/api/v1/apply", json={"jobs": jobs[first : first + 100]}, timeout=60
            ).raise_for_status()
            items += answer.json()["items"]
        return items


@contextlib.contextmanager
def server(*options: str) -> Iterator[Server]:
    """`scheduler server` on a database of its own."""
    with tempfile.TemporaryDirectory(prefix="scheduler-bench-") as room, private_postgres(durable=True) as postgres:
        upgrade(postgres.url)
        port = free_port()
        command = ["server", "--database-url", postgres.url, "--port", str(port), *options]
        with program(Path(room), *command) as process:
            address = f"http://127.0.0.1:{port}"
            until_ready(address)
            yield Server(address=address, database_url=postgres.url, process=process, room=Path(room))


@contextlib.contextmanager
def program(room: Path, *arguments: str, module: str = "bootstrap") -> Iterator[subprocess.Popen[bytes]]:
    """A Python module as a child process; ended with the block."""
    with (room / f"{module}.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def until_ready(address: str) -> None:
    """Wait until it answers that it is ready."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/actuator/health/readiness").status_code == 200:
                return
        time.sleep(0.005)
    raise TimeoutError(f"{address} did not become ready")


@contextlib.contextmanager
def noop_workers(served: Server, count: int, slots: int, group: str = "bench") -> Iterator[list[Path]]:
    """Worker processes with a handler that does nothing; the files in which each notes when it began what.

    Those of different nodes of one platform need different groups.
    """
    notes = [served.room / f"{group}-{n}.jsonl" for n in range(count)]
    with contextlib.ExitStack() as stack:
        for n, note in enumerate(notes):
            note.unlink(missing_ok=True)
            stack.enter_context(
                program(served.room, served.address, f"{group}-{n}", str(slots), str(note), module=WORKER)
            )
        while len(httpx.get(f"{served.address}/api/v1/cluster/executors?status=ONLINE").json()["items"]) < count:
            time.sleep(0.05)
        yield notes


def queue_up(served: Server, job_id: str, count: int) -> None:
    """So many tasks of a job that are ready."""
    served.sql(
        f"""INSERT INTO tasks (id, job_id, job_name, job_version, run_id, origin, status, lane, rank, priority,
                               max_attempts, scheduled_time, ready_at, created_at, parameters)
            SELECT gen_random_uuid(), id, name, 1, gen_random_uuid(), 'DIRECT', 'PENDING', lane, n, 5,
                   max_attempts, now(), now(), now(), parameters
            FROM jobs, generate_series(1, {count}) AS n WHERE id = $1""",
        job_id,
    )
    served.sql("ANALYZE")


WORKER = "benchmarks.noop_worker"
NOOP = {"type": "PYTHON", "handler": "bench.noop", "active": True, "overlap": "ALLOW"}


def copies_of(served: Database, name: str, count: int) -> None:
    """Copy a job and its schedule `count` times, in the database: applying so many would take minutes."""
    columns = [r["column_name"] for r in served.sql(_COLUMNS, "jobs")]
    schedule = [r["column_name"] for r in served.sql(_COLUMNS, "schedules")]
    job_values = ", ".join({"id": "c.id", "name": "c.name"}.get(c, f"j.{c}") for c in columns)
    schedule_values = ", ".join("c.id" if c == "job_id" else f"s.{c}" for c in schedule)
    served.sql(
        f"""WITH c AS MATERIALIZED (
              SELECT gen_random_uuid() AS id, '{name}-' || n AS name FROM generate_series(1, {count}) AS n),
            jobs_added AS (INSERT INTO jobs ({", ".join(columns)})
              SELECT {job_values} FROM c, jobs j WHERE j.name = '{name}' RETURNING id)
            INSERT INTO schedules ({", ".join(schedule)})
              SELECT {schedule_values} FROM c, schedules s JOIN jobs j ON j.id = s.job_id WHERE j.name = '{name}'"""
    )
    served.sql("ANALYZE")


_COLUMNS = """SELECT column_name FROM information_schema.columns
               WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position"""
