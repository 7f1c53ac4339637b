"""Invariants of executors, limits, events, and of a platform that is left in peace again."""

from __future__ import annotations

from tests.invariants.checking import Cases
from tests.invariants.history import History
from tests.invariants.of_tasks import HELD

DISTURBING = frozenset(
    {"kill-node", "pause-node", "redis-kill", "redis-pause"}
    | {"postgres-fast", "postgres-immediate", "postgres-read-only", "cut-postgres"}
)
"""Faults in which a beat may be answered and still be lost, for it is kept for others within a second only."""

EVENTS = {
    "COMPLETED": "TaskCompleted",
    "FAILED": "TaskFailed",
    "TIMEOUT": "TaskTimedOut",
    "CANCELLED": "TaskCancelled",
    "SKIPPED": "TaskSkipped",
    "WAITING_RETRY": "TaskRetryScheduled",
}


def death_seen(history: History) -> Cases:
    """What an executor held when it was killed leaves it within the time-out and what recovery may take."""
    cases = Cases()
    limit = history.bounds.silence + history.bounds.recovery
    deaths = [fault for fault in history.faults if fault.kind == "kill-executor"]
    for task, changes in history.by_task.items():
        for place, grant in enumerate(changes):
            if not grant.is_grant:
                continue
            left = next((c.at for c in changes[place:] if c.new.status not in HELD), history.read_at)
            for death in deaths:
                if death.target == grant.new.executor and grant.at <= death.began_at < left:
                    took = left - death.began_at
                    excess = took - history.troubled(death.began_at, left, but=death)
                    cases.check(excess <= limit, f"task {task} was held by the killed {death.target} for {took}")
    return cases


def no_false_death(history: History) -> Cases:
    """Nobody whose beats arrive is declared lost."""
    cases, excused = Cases(), 0
    for change in history.sessions:
        if not change.lost:
            continue
        told = f"{change.executor} was declared lost at {change.at}"
        silent = change.at - change.last_beat
        cases.check(silent > history.bounds.silence, f"{told}, {silent} after its last beat in the store")
        since, until = change.at - history.bounds.silence, change.at - history.bounds.silence / 4
        if any(f.kind in DISTURBING and f.began_at < until and f.ended_at > since for f in history.faults):
            excused += 1
            continue
        kept = since + history.bounds.silence / 4
        heard = [beat.at for beat in history.beats if beat.executor == change.executor and kept < beat.at < until]
        cases.check(not heard, f"{told}, but its beat was answered at {heard}")
    cases.note = f"{excused} amid faults of the platform itself" if excused else ""
    return cases


def limits_kept(history: History) -> Cases:
    """Never more tasks of a job are held, or being stopped, than its limit."""
    cases = Cases()
    held: dict[str, set[str]] = {}
    for change in history.changes:
        job = history.job_of_task(change.task)
        if job.limit is None:
            continue
        now = held.setdefault(job.id, set())
        if change.new.live and (change.new.status in HELD or change.new.stopping):
            now.add(change.task)
            cases.check(len(now) <= job.limit, f"{job.name}: {len(now)} at a time of {job.limit} at {change.at}")
        else:
            now.discard(change.task)
    return cases


def events_told(history: History) -> Cases:
    """Each end of an attempt is told in the commit that makes it and in no other; who follows misses nothing."""
    cases = Cases()
    told: dict[tuple[str, str], int] = {}
    for event in history.events:
        if event.type in EVENTS.values():
            key = event.tx, f"{event.type} {event.task}"
            told[key] = told.get(key, 0) + 1
    owed: dict[tuple[str, str], int] = {}
    for change in history.changes:
        if change.moves and change.new.status in EVENTS:
            key = change.tx, f"{EVENTS[change.new.status]} {change.task}"
            owed[key] = owed.get(key, 0) + 1
    for key in owed.keys() | told.keys():
        counts = owed.get(key, 0), told.get(key, 0)
        cases.check(counts[0] == counts[1], f"{key[1]} happened {counts[0]} times and was told {counts[1]} times")
    got = set(history.followed)
    if got:
        for event in history.events:
            if event.id >= min(got):
                cases.check(event.id in got, f"who follows never heard of {event.id} {event.type} {event.task}")
    about = {event.id: event.task for event in history.events}
    latest: dict[str, tuple[int, int]] = {}
    for id_ in dict.fromkeys(history.followed):
        cases.check(id_ in about, f"event {id_} was heard of and never committed")
        if task := about.get(id_):
            before = latest.get(task, (0, 0))
            cases.check(before < id_, f"task {task}: event {id_} was heard after {before}")
            latest[task] = id_
    cases.note = f"{len(history.followed) - len(got)} heard again" if len(history.followed) > len(got) else ""
    return cases


def conserved(history: History) -> Cases:
    """All tasks that were created are there, once, alive or in history; after a while in peace none is alive."""
    cases = Cases()
    rows: dict[str, int] = {}
    for task in (*history.rows_live, *history.rows_ended):
        rows[task] = rows.get(task, 0) + 1
    created = {change.task for change in history.changes if change.old is None}
    for task in created | rows.keys():
        cases.check(task in created and rows.get(task) == 1, f"task {task} is there {rows.get(task, 0)} times")
    cases.check(not history.rows_live, f"these have not ended: {list(history.rows_live)[:5]}")
    return cases


def heals(history: History) -> Cases:
    """When faults are over all nodes are ready, all executors online, and nothing complains for ever."""
    cases = Cases()
    for one in history.healed:
        cases.check(one.ready, f"{one.name} is not ready again")
        cases.check(one.complaints == 0, f"{one.name} goes on complaining: {one.complaints} lines")
    return cases
