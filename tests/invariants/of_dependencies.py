"""Invariants of jobs that follow others: once each, after them, and only if they succeeded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from tests.invariants.checking import Cases
from tests.invariants.history import History, Job
from tests.invariants.of_tasks import ENDED


def followed(history: History) -> Cases:
    """What follows a task is there once, begins after it has completed, and is left out if it did not complete."""
    cases = Cases()
    named = {job.name: job for job in history.jobs}
    last = {task: changes[-1].new.status for task, changes in history.by_task.items()}
    for job in history.jobs:
        if job.follows is None:
            continue
        above, below = _places(history, named[job.follows]), _places(history, job)
        begins_runs = job.trigger == "DEPENDENCY"
        for place in below.keys() - above.keys():
            skipped = all(last.get(task) == "SKIPPED" for task in below[place])
            cases.check(skipped and not begins_runs, f"{job.name} follows nothing at {place}")
        for place, (upstream, *_) in above.items():
            found = below.get(place, [])
            told = f"{job.name} at {place}, after task {upstream} ({last[upstream]})"
            cases.check(len(found) == 1 or not (found or begins_runs), f"{told}, is there {len(found)} times")
            for task in found:
                left_out = last[task] == "SKIPPED"
                cases.check(left_out != (last[upstream] == "COMPLETED"), f"{told}, is {last[task]}")
                end, begin = _ended(history, upstream), _given(history, task)
                early = begin is not None and (end is None or begin < end)
                cases.check(not early, f"{told}, was given away at {begin}, before {end}")
    return cases


def _places(history: History, job: Job) -> Mapping[str, list[str]]:
    """Tasks by what makes them belong together: the run, or the time of the schedule."""
    found: dict[str, list[str]] = {}
    for place, task in _placed(history, job):
        found.setdefault(place, []).append(task)
    return found


def _placed(history: History, job: Job) -> Iterator[tuple[str, str]]:
    if job.trigger == "CRON":
        for entry in history.ledger:
            if entry.job == job.id and entry.task is not None:
                yield entry.nominal.isoformat(), entry.task
    else:
        for task in history.tasks:
            if task.job == job.id:
                yield task.run or task.id, task.id


def _ended(history: History, task: str) -> datetime | None:
    return next((change.at for change in history.by_task[task] if change.new.status in ENDED), None)


def _given(history: History, task: str) -> datetime | None:
    return next((change.at for change in history.by_task[task] if change.is_grant), None)
