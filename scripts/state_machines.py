"""The ways between states, found by trying what the code allows, and drawn as diagrams."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from datetime import UTC, datetime
from uuid import UUID

from domain.scheduling.executor import Executor, HostInfo
from domain.scheduling.ids import ExecutorId, JobId
from domain.scheduling.job import ALLOWED_ACTIONS, Job, JobDefinition
from domain.scheduling.placement import Capability
from domain.scheduling.task_status import LEFT_OUT, REOPENED_BY_OPERATOR, TRANSITIONS, TaskStatus
from domain.shared.ids import TenantId

Way = tuple[str, str, str]
"""From a state, to a state, by what."""

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_INFO, _CAPABILITY = HostInfo(host="h", version="1"), Capability(types=frozenset({"COMMAND"}))

_VERBS_OF_JOBS: dict[str, Callable[[Job], object]] = {
    "activate": lambda job: job.activate("", _NOW),
    "pause": lambda job: job.pause("", "", _NOW),
    "resume": lambda job: job.resume("", _NOW),
    "disable": lambda job: job.disable("", "", _NOW),
    "delete": lambda job: job.delete("", _NOW),
}
_VERBS_OF_EXECUTORS: dict[str, Callable[[Executor], object]] = {
    "register": lambda executor: executor.deactivated or executor.register_again(UUID(int=1), _INFO, _CAPABILITY, _NOW),
    "drain": lambda executor: executor.drain(None, _NOW),
    "activate": lambda executor: executor.activate(_NOW),
    "leave": lambda executor: executor.leave(_NOW),
    "silence": lambda executor: executor.lose(_NOW, _NOW),
    "deactivate": lambda executor: executor.deactivate("", _NOW),
}


def ways_of_jobs() -> list[Way]:
    """What each action that the table of jobs allows leads to."""
    job = Job.create(JobId(UUID(int=1)), TenantId("t"), JobDefinition(name="j", type="COMMAND"), "", _NOW)
    ways: list[Way] = []
    for status, actions in ALLOWED_ACTIONS.items():
        for action in actions:
            if act := _VERBS_OF_JOBS.get(action):
                tried = copy(job)
                tried.status = status
                act(tried)
                ways.append((status, tried.status, action))
    return ways


def ways_of_tasks() -> list[Way]:
    """The table of tasks, and what an operator's retry reopens: of itself, and of what it had been left out for."""
    table = [(source, target, "") for source in TaskStatus for target in TaskStatus if target in TRANSITIONS[source]]
    retried = [(source, TaskStatus.PENDING, "retry") for source in TaskStatus if source in REOPENED_BY_OPERATOR]
    return [*table, *retried, *((source, TaskStatus.BLOCKED, "retry of the upstream") for source in LEFT_OUT)]


def ways_of_executors() -> list[Way]:
    """What everything that can happen to an executor leads to, in each state that it comes to."""
    known = [Executor.register(ExecutorId("e"), TenantId("t"), UUID(int=2), _INFO, _CAPABILITY, _NOW)]
    ways: dict[Way, None] = {}
    for executor in known:  # grows while it is gone through
        for verb, act in _VERBS_OF_EXECUTORS.items():
            tried = copy(executor)
            act(tried)
            if all((tried.status, tried.deactivated) != (each.status, each.deactivated) for each in known):
                known.append(tried)
            if tried.status is not executor.status:
                ways[executor.status, tried.status, verb] = None
    return list(ways)


def diagram(first: Iterable[str], ways: Iterable[Way], last: Iterable[str]) -> str:
    """In mermaid: where it begins, what leads where, where it ends."""
    labels: dict[tuple[str, str], list[str]] = {}
    for source, target, by in ways:
        labels.setdefault((source, target), []).append(by)
    arrows = [
        f"    {source} --> {target}: {', '.join(by)}" if any(by) else f"    {source} --> {target}"
        for (source, target), by in labels.items()
    ]
    begins = [f"    [*] --> {state}" for state in first]
    ends = [f"    {state} --> [*]" for state in last]
    return "\n".join(["```mermaid", "stateDiagram-v2", *begins, *arrows, *ends, "```"])
