"""Invariants that clients can see: what was answered is there, what was repeated took effect once, locks exclude."""

from __future__ import annotations

from itertools import pairwise

from tests.invariants.checking import Cases
from tests.invariants.history import Call, History, Outcome
from tests.invariants.of_tasks import ENDED


def durable(history: History) -> Cases:
    """Whatever was answered with success is in the store, and what was refused is not."""
    cases = Cases()
    marks: dict[str | None, list[str]] = {}
    for task in history.tasks:
        marks.setdefault(task.mark, []).append(task.id)
    names = {job.name for job in history.jobs}
    last = {task: changes[-1].new.status for task, changes in history.by_task.items()}
    for call in history.calls:
        if call.what == "SUBMIT":
            made = marks.get(call.mark, [])
            if call.outcome is Outcome.OK:
                cases.check(call.subject in history.task_of, f"{call.key}: task {call.subject} is gone")
            cases.check(len(made) <= 1, f"{call.key} has made {made}")
        elif call.what == "CREATE" and call.outcome is Outcome.OK:
            cases.check(call.key in names, f"job {call.key} is gone")
        elif call.what == "CANCEL" and call.outcome is Outcome.OK:
            status = last.get(call.subject or "")
            cases.check(status in ENDED, f"task {call.subject} was cancelled and is {status}")
    return cases


def idempotent(history: History) -> Cases:
    """A request that is sent again is answered alike, and takes effect once; under another body it is refused."""
    cases = Cases()
    by_key: dict[str, list[Call]] = {}
    for call in history.calls:
        if call.what == "SUBMIT" and call.key.startswith("idempotent:"):
            by_key.setdefault(call.key, []).append(call)
    made: dict[str | None, int] = {}
    for task in history.tasks:
        made[task.mark] = made.get(task.mark, 0) + 1
    for key, calls in by_key.items():
        answers = {call.subject for call in calls if call.outcome is Outcome.OK}
        cases.check(len(answers) <= 1, f"{key} was answered with {answers}")
        effects = sum(made.get(mark, 0) for mark in {call.mark for call in calls})
        cases.check(effects <= 1, f"{key} has made {effects} tasks")
        cases.check(effects == 1 or not answers, f"{key} was answered and has made nothing")
    return cases


def unique_keys(history: History) -> Cases:
    """No two live tasks have the same unique key."""
    cases = Cases()
    alive: dict[str, str] = {}
    for change in history.changes:
        key = history.task_of[change.task].unique_key
        if key is None:
            continue
        if change.new.live and change.new.status not in ENDED:
            other = alive.setdefault(key, change.task)
            cases.check(other == change.task, f"tasks {other} and {change.task} are both alive under {key}")
        elif alive.get(key) == change.task:
            del alive[key]
    return cases


def locks_exclude(history: History) -> Cases:
    """Nobody has a lock while another one certainly has it, and later holders have higher tokens."""
    cases = Cases()
    by_name: dict[str, list[Call]] = {}
    for call in history.calls:
        if call.what == "LOCK" and call.outcome is Outcome.OK:
            by_name.setdefault(call.key, []).append(call)
    for name, holds in by_name.items():
        holds.sort(key=lambda hold: hold.token or 0)
        for earlier, later in pairwise(holds):
            told = f"lock {name}: {later.subject} got it at {later.answered_at}"
            cases.check(earlier.token != later.token, f"{told} under the token of {earlier.subject}")
            free = earlier.until is not None and earlier.until <= later.answered_at
            cases.check(free, f"{told} while {earlier.subject} had it until {earlier.until}")
    return cases
