"""`python -m benchmarks.noop_worker SERVER ID SLOTS FILE`: a worker whose handler only notes when it began."""

from __future__ import annotations

import atexit
import json
import sys
import time
from pathlib import Path

from scheduler_sdk.context import TaskContext
from scheduler_sdk.worker import Worker

server, name, slots, file = sys.argv[1:]
begun: list[tuple[str, float]] = []
spent: list[float] = []
worker = Worker(server, executor_id=name, slots=int(slots))


@worker.handler("bench.noop")
async def noop(context: TaskContext, parameters: object) -> None:
    begun.append((context.task_id, time.time()))
    spent.append(time.process_time())


def note() -> None:
    """When each task began, and the CPU seconds that one took, from the first to the last."""
    Path(file).write_text("".join(json.dumps(line) + "\n" for line in begun))
    if len(spent) > 1:
        Path(file).with_suffix(".cpu").write_text(str((spent[-1] - spent[0]) / (len(spent) - 1)))


atexit.register(note)
sys.exit(worker.run_forever())
