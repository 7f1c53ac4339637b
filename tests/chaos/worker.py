"""An honest executor, as a user would write one: `python -m tests.chaos.worker SERVER NAME FILE`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from scheduler_sdk.context import TaskContext
from scheduler_sdk.errors import TaskFailed
from scheduler_sdk.worker import Worker
from tests.chaos.witness import HANDLER, PLANNED, Witness, fate

SLOTS = 8


def main(server: str, name: str, file: str) -> int:
    witness = Witness(Path(file), name)
    worker = Worker(server, executor_id=name, slots=SLOTS, drain_timeout=1.0)

    @worker.handler(HANDLER)
    async def work(
        context: TaskContext, low: float = 0.05, high: float = 0.3, failing: float = 0.0, mark: str = ""
    ) -> dict[str, int]:
        seconds, fails = fate(context.task_id, context.attempt, low, high, failing)
        witness.began(context.task_id, context.token)
        how = "STOPPED"
        try:
            await asyncio.sleep(seconds)
            how = "FAILED" if fails else "DONE"
        finally:
            witness.ended(context.token, how)
        if fails:
            raise TaskFailed(PLANNED, "as was planned")
        return {"token": context.token}

    return worker.run_forever()


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
