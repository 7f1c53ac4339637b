"""Invariants of single tasks: their states, attempts and tokens, as the store wrote them and executors saw them."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.invariants.checking import Cases
from tests.invariants.history import History, TaskChange

ENDED = frozenset({"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "SKIPPED"})
HELD = frozenset({"ASSIGNED", "RUNNING"})
WAITING = frozenset({"BLOCKED", "PENDING", "WAITING_RETRY"})

EDGES = {
    "BLOCKED": {"PENDING", "SKIPPED", "FAILED", "TIMEOUT", "CANCELLED"},
    "PENDING": {"ASSIGNED", "TIMEOUT", "CANCELLED", "SKIPPED"},
    "ASSIGNED": {"RUNNING", "WAITING_RETRY", "FAILED", "TIMEOUT", "CANCELLED"},
    "RUNNING": {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "WAITING_RETRY"},
    "WAITING_RETRY": {"ASSIGNED", "TIMEOUT", "CANCELLED"},
}
"""Written down once more on purpose: the product must not be its own witness."""

LOST = "EXECUTOR_LOST"
TIMED_OUT = "EXECUTION_TIMEOUT"


def not_early(history: History) -> Cases:
    """Nothing is handed out, or begun, before its time."""
    cases = Cases()
    times: dict[tuple[str, int | None], datetime] = {}
    for change in history.changes:
        if change.is_grant:
            due = max(change.new.scheduled_time, change.old.ready_at if change.old else change.new.ready_at)
            times[change.task, change.new.token] = due
            cases.check(change.at >= due, f"task {change.task} was given away at {change.at}, {due - change.at} early")
    for run in history.runs:
        due_at = times.get((run.task, run.token))
        if due_at is not None:
            cases.check(run.began_at >= due_at, f"task {run.task} began at {run.began_at}, before {due_at}")
    return cases


def tokens_rise(history: History) -> Cases:
    """Each grant of a task has a higher token than the one before, and no two grants share one."""
    cases = Cases()
    of: dict[int | None, str] = {}
    for task, changes in history.by_task.items():
        last = 0
        for change in changes:
            if change.is_grant:
                token = change.new.token or 0
                cases.check(token > last, f"task {task} was given away under token {token} after {last}")
                cases.check(token not in of, f"tasks {task} and {of.get(token)} share the token {token}")
                last, of[token] = token, task
    return cases


def fenced(history: History) -> Cases:
    """What ended a task was said by its holder, under the token of its latest grant, of work that took place."""
    cases = Cases()
    runs = {(run.executor, run.task, run.token): run for run in history.runs}
    for task, changes in history.by_task.items():
        granted: TaskChange | None = None
        for change in changes:
            if change.is_grant:
                granted = change
            if not change.moves or change.new.status != "COMPLETED":
                continue
            if granted is None:
                cases.check(False, f"task {task} is COMPLETED and nobody has ever held it")
                continue
            token, holder = granted.new.token or 0, granted.new.executor or ""
            cases.check(change.new.token == token, f"task {task} ended under {change.new.token}; held under {token}")
            run = runs.get((holder, task, token))
            done = run is not None and run.how == "DONE" and run.ended_at is not None and run.ended_at <= change.at
            cases.check(done, f"task {task} is COMPLETED; {holder} has not finished it under {token}")
            said = change.new.result
            cases.check(said == {"token": token}, f"task {task} has the result {said}; its run said {token}")
    for lie in history.lies:
        cases.check(lie.outcome != "APPLIED", f"{lie.executor} was believed: {lie.kind}")
    return cases


def begun_once(history: History) -> Cases:
    """An attempt is begun by the executor that holds it, and once."""
    cases = Cases()
    granted = {(c.new.executor, c.task, c.new.token) for c in history.changes if c.is_grant}
    seen: set[int] = set()
    for run in history.runs:
        told = f"{run.executor} began task {run.task} under {run.token}"
        cases.check((run.executor, run.task, run.token) in granted, f"{told}, which nobody gave it")
        cases.check(run.token not in seen, f"{told} for the second time")
        seen.add(run.token)
    return cases


def one_end(history: History) -> Cases:
    """A task ends once, and what has ended does not change any more."""
    cases = Cases()
    for task, changes in history.by_task.items():
        end: str | None = None
        for change in changes:
            if end is not None:
                cases.check(change.new.status == end, f"task {task} was {end} and became {change.new.status}")
            elif change.new.status in ENDED:
                end = change.new.status
                cases.count += 1
    return cases


def by_the_table(history: History) -> Cases:
    """Every change of state is one of the table, or two of them at once: given away and begun."""
    cases = Cases()
    for change in history.changes:
        if change.old is not None and change.moves:
            old, new = change.old.status, change.new.status
            begun = change.is_grant and new == "RUNNING" and "ASSIGNED" in EDGES.get(old, ())
            cases.check(begun or new in EDGES.get(old, ()), f"task {change.task} went from {old} to {new}")
    return cases


def attempts_counted(history: History) -> Cases:
    """Attempts are numbered without a gap, one after the other; never more than the policy allows."""
    cases = Cases()
    starts: dict[str, int] = {}
    for run in history.runs:
        starts[run.task] = starts.get(run.task, 0) + 1
    for task, changes in history.by_task.items():
        job, number = history.job_of_task(task), 0
        for change in changes:
            if change.is_grant:
                number += 1
                got = change.new.attempt
                cases.check(got == number, f"task {task} had attempt {got} where {number} follows")
                free = change.old is None or (change.old.status not in HELD and not change.old.stopping)
                cases.check(free, f"task {task} was given away while its attempt {number - 1} ran")
        last = changes[-1].new
        tries = last.attempt - last.lost
        cases.check(tries <= job.max_attempts, f"task {task} was tried {tries} times of {job.max_attempts}")
        cases.check(last.lost <= job.max_lost + 1, f"task {task} was lost {last.lost} times of {job.max_lost}")
        if job.max_lost == 0 and job.max_attempts == 1:
            began = starts.get(task, 0)
            cases.check(began <= 1, f"task {task} must not run twice and was begun {began} times")
    return cases


def backed_off(history: History) -> Cases:
    """After the n-th failure the next try waits as long as the policy says; what was lost does not wait."""
    cases = Cases()
    ends = {(run.task, run.token): run.ended_at for run in history.runs}
    for task, changes in history.by_task.items():
        job = history.job_of_task(task)
        for change in changes:
            new, old = change.new, change.old
            if old is None or not change.moves or new.status != "WAITING_RETRY":
                continue
            wait = timedelta(0) if new.error == LOST else job.backoff * 2 ** (new.attempt - new.lost - 1)
            ended = ends.get((task, old.token or 0)) if new.error not in (LOST, TIMED_OUT) else None
            since, until = (ended or change.began) + wait, change.at + wait
            told = f"task {task} waits until {new.ready_at} after attempt {new.attempt}, not {since} to {until}"
            cases.check(since <= new.ready_at <= until, told)
    return cases


def timed_out(history: History) -> Cases:
    """An attempt does not run beyond its job's time-out for longer than the platform may take to notice."""
    cases = Cases()
    for task, changes in history.by_task.items():
        job, since, deadline = history.job_of_task(task), None, None
        if job.timeout is None:
            continue
        for change in changes:
            if change.new.status == "RUNNING":
                since, deadline = since or change.at, change.new.deadline_at
            elif since is not None:
                over = change.at - (since + job.timeout)
                excess = over - history.troubled(since + job.timeout, change.at)
                cases.check(deadline is not None, f"task {task} ran without a deadline")
                cases.check(excess <= history.bounds.recovery, f"task {task} ran {over} beyond its time-out")
                since = None
    return cases


def let_go(history: History) -> Cases:
    """What was told to stop has stopped, or is known to be gone, before the grace of the platform runs out."""
    cases = Cases()
    limit = history.bounds.silence + history.bounds.recovery
    for task, changes in history.by_task.items():
        since: datetime | None = None
        for change in changes:
            if change.new.stopping:
                since = since or change.at
            elif since is not None:
                took = change.at - since
                told = f"task {task} was told to stop at {since} and let go {took} later"
                cases.check(took - history.troubled(since, change.at) <= limit, told)
                since = None
    return cases


def leases_kept(history: History) -> Cases:
    """What runs is held by somebody, and what waits by nobody."""
    cases = Cases()
    for change in history.changes:
        new = change.new
        if new.status in HELD:
            held = new.executor is not None and new.token is not None and new.epoch is not None
            cases.check(held, f"task {change.task} is {new.status} and held by nobody")
        elif new.status in WAITING and not new.stopping:
            cases.check(new.executor is None, f"task {change.task} is {new.status} and held by {new.executor}")
    return cases
