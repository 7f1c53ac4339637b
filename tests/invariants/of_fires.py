"""Invariants of the ledger: every planned fire is decided about once, at its time, and what fired was run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.invariants.checking import Cases
from tests.invariants.history import Entry, History, Job
from tests.invariants.of_tasks import ENDED

RUNNING = frozenset({"FIRED", "BUFFERED"})
QUANTILES = (("half", 0.5), ("99 %", 0.99), ("all", 1.0))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def unique(history: History) -> Cases:
    """A fire has one entry that runs, and one task."""
    cases = Cases()
    fires: dict[tuple[str, str], int] = {}
    for entry in history.ledger:
        if entry.decision in RUNNING:
            fires[entry.job, entry.fire_key] = fires.get((entry.job, entry.fire_key), 0) + 1
    tasks: dict[tuple[str, str], int] = {}
    for task in history.tasks:
        if task.fire_key is not None:
            tasks[task.job, task.fire_key] = tasks.get((task.job, task.fire_key), 0) + 1
    for key in fires.keys() | tasks.keys():
        counts = fires.get(key, 0), tasks.get(key, 0)
        cases.check(counts == (1, 1), f"fire {key} has {counts[0]} entries that run and {counts[1]} tasks")
    return cases


def no_phantom(history: History) -> Cases:
    """Every fire is one of its job's timetable; every other task was asked for by somebody."""
    cases = Cases()
    asked = {call.mark for call in history.calls if call.what == "SUBMIT"}
    firsts = {job.id: _planned(history, job) for job in history.jobs}
    for entry in history.ledger:
        job, planned = history.job_of[entry.job], firsts[entry.job]
        if job.period is not None:
            anchor = EPOCH if job.trigger == "CRON" else planned[0]
            fits = not (entry.nominal - anchor) % job.period
            cases.check(fits, f"{job.name} has no fire at {entry.nominal}")
        elif job.instant is not None:
            cases.check(entry.nominal == job.instant, f"{job.name} fires at {job.instant}, not {entry.nominal}")
    for task in history.tasks:
        if task.fire_key is None:
            cases.check(task.mark in asked, f"nobody has asked for task {task.id}")
    return cases


def none_missed(history: History) -> Cases:
    """From the first planned fire to the last nothing is undecided; what fires is run; catching up leaves out none."""
    cases = Cases()
    last = {task: changes[-1].new.status for task, changes in history.by_task.items()}
    for job in history.jobs:
        if job.period is None:
            continue
        times = _planned(history, job)
        for earlier, later in pairwise(times):
            cases.check(later - earlier == job.period, f"{job.name}: nothing is said between {earlier} and {later}")
        entries = sorted((e for e in history.ledger if e.job == job.id), key=lambda entry: entry.nominal)
        for entry in entries:
            if job.catches_up and job.overlaps:
                cases.check(entry.decision in RUNNING, f"{job.name} left out {entry.nominal}: {entry.decision}")
            elif entry.decision == "COALESCED":
                ran = any(e.decision in RUNNING and e.nominal > entry.nominal for e in entries)
                cases.check(ran, f"{job.name}: what was coalesced at {entry.nominal} ran at no later time")
            if entry.decision in RUNNING:
                ended = last.get(entry.task or "") in ENDED
                cases.check(ended, f"{job.name} at {entry.nominal}: task {entry.task} has not ended")
    return cases


def timely(history: History) -> Cases:
    """Outside faults no fire waits longer for its decision than the platform may take; how long they did is noted."""
    cases, waits = Cases(), []
    for job in history.jobs:
        for entry in _fired(history, job) if job.period is not None else ():
            late = entry.decided_at - entry.nominal
            troubled = history.troubled(entry.nominal, entry.decided_at)
            told = f"{job.name} at {entry.nominal} was decided {late} later, {troubled} of that amid faults"
            cases.check(late - troubled <= history.bounds.recovery, told)
            if not troubled:
                waits.append(late.total_seconds())
    if waits:
        waits.sort()
        shares = ((name, waits[min(len(waits) - 1, int(share * len(waits)))]) for name, share in QUANTILES)
        cases.note = "left in peace: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in shares)
    return cases


def fixed_rate(history: History) -> Cases:
    """Fires at a fixed rate never drift: each is a whole number of periods after the first."""
    cases = Cases()
    for job in history.jobs:
        if job.trigger == "FIXED_RATE" and job.period is not None:
            times = _planned(history, job)
            for number, time in enumerate(times):
                due = times[0] + number * job.period
                cases.check(time == due, f"{job.name}: fire {number} is planned at {time}, not {due}")
    return cases


def fixed_delay(history: History) -> Cases:
    """Each fire is planned a delay after the end of the run before, and the chain does not break."""
    cases = Cases()
    ends = {task: changes[-1].new.ended_at for task, changes in history.by_task.items()}
    for job in history.jobs:
        if job.delay is None:
            continue
        fired = sorted(_fired(history, job), key=lambda entry: entry.nominal)
        for earlier, later in pairwise(fired):
            end = ends.get(earlier.task or "")
            due = None if end is None else end + job.delay
            told = f"{job.name}: fire at {later.nominal} follows one whose run ended at {end}"
            cases.check(due is not None and later.nominal == due, told)
            late = later.decided_at - later.nominal
            excess = late - history.troubled(later.nominal, later.decided_at)
            cases.check(excess <= history.bounds.recovery, f"{job.name}: the chain stood still for {late}")
    return cases


def one_time(history: History) -> Cases:
    """A job for one instant has one fire and one task."""
    cases = Cases()
    tasks: dict[str, int] = {}
    for task in history.tasks:
        tasks[task.job] = tasks.get(task.job, 0) + 1
    for job in history.jobs:
        if job.instant is not None:
            counts = len(_fired(history, job)), tasks.get(job.id, 0)
            cases.check(counts == (1, 1), f"{job.name} has {counts[0]} fires and {counts[1]} tasks")
    return cases


def pauses(history: History) -> Cases:
    """After a pause was answered nothing fires until somebody resumes."""
    cases = Cases()
    names = {job.name: job for job in history.jobs}
    fires: dict[str, list[datetime]] = {}
    for entry in history.ledger:
        if entry.decision in RUNNING:
            fires.setdefault(entry.job, []).append(entry.decided_at)
    for call in history.calls:
        if call.what == "PAUSE" and call.outcome == "OK" and call.key in names:
            job = names[call.key]
            again = [c.invoked_at for c in history.calls if c.what == "RESUME" and c.key == call.key]
            until = min((at for at in again if at > call.invoked_at), default=history.read_at)
            within = [at for at in fires.get(job.id, ()) if call.answered_at < at < until]
            cases.check(not within, f"{job.name} was paused at {call.answered_at} and fired at {within}")
    return cases


def schedules_advance(history: History) -> Cases:
    """What a schedule has decided about never goes back, nor does the count of its fires."""
    cases = Cases()
    last: dict[tuple[str, int], tuple[datetime | None, int]] = {}
    for change in history.schedules:
        key = change.job, change.version
        nominal, fired = last.get(key, (None, 0))
        name = history.job_of[change.job].name if change.job in history.job_of else change.job
        now = change.last_nominal
        forward = nominal is None or (now is not None and now >= nominal)
        cases.check(forward, f"{name} went back from {nominal} to {now}")
        cases.check(change.fired >= fired, f"{name} had fired {fired} times and then {change.fired}")
        last[key] = (now, change.fired)
    return cases


def _fired(history: History, job: Job) -> list[Entry]:
    return [entry for entry in history.ledger if entry.job == job.id and entry.decision in RUNNING]


def _planned(history: History, job: Job) -> list[datetime]:
    """The times that the ledger speaks of, each as often as it does."""
    times = []
    for entry in history.ledger:
        if entry.job == job.id:
            step = job.period or timedelta(0)
            times += [entry.first_nominal + step * n for n in range(entry.count)]
    return sorted(times)
