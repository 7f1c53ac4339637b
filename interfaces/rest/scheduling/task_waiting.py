"""Waiting for the end of a task: `?waitFor=TERMINAL` with `Prefer: wait=30` (RFC 7240)."""

from __future__ import annotations

import asyncio
import re
from enum import StrEnum
from typing import Annotated

from litestar.params import HeaderParameter, QueryParameter

from application.scheduling.queries import SchedulingReader
from application.scheduling.views import TaskView
from application.shared.draining import Draining
from application.shared.wake_up import DRAIN, WakeUp, task_topic
from domain.scheduling.ids import TaskId
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import TenantId

RECHECK_SECONDS = 5.0
"""How long it sleeps at most before it looks by itself: a hint may have been lost."""

USUAL_WAIT, LONGEST_WAIT = 30, 60
"""Seconds: a connection on which nothing is said for longer is cut by many a proxy."""

_WAIT = re.compile(r"(?:^|[,;]) *wait *= *\"?(\d{1,9})\"? *(?=$|[,;])", re.IGNORECASE)


class WaitFor(StrEnum):
    """TERMINAL: it has ended and nothing of it runs any more."""

    TERMINAL = "TERMINAL"


WaitForParameter = Annotated[
    WaitFor | None, QueryParameter(name="waitFor", description="Answer once the task is there, or the wait is over.")
]
Prefer = Annotated[
    str | None,
    HeaderParameter(
        name="Prefer", description=f"`wait=N`: for so many seconds ({USUAL_WAIT} unless given, at most {LONGEST_WAIT})."
    ),
]


def seconds_of(prefer: str | None) -> int:
    """How long the caller would wait. What else it prefers is not known here, and that is no error."""
    found = _WAIT.search(prefer or "")
    return USUAL_WAIT if found is None else min(int(found[1]), LONGEST_WAIT)


async def ended(
    reader: SchedulingReader, wake_up: WakeUp, draining: Draining, tenant: TenantId, task_id: TaskId, seconds: float
) -> TaskView:
    """The task once it has ended; as it is, after so many seconds. Raises `TaskNotFound`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    with wake_up.listen([task_topic(task_id), DRAIN]) as listener:
        while True:
            task = await reader.task(tenant, task_id)
            left = deadline - loop.time()
            if (TaskStatus(task.status).is_final and not task.stopping) or left <= 0 or draining.is_on:
                return task
            await listener.wait(min(left, RECHECK_SECONDS))
