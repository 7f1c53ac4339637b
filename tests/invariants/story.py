"""A short history in which everything is as it should be and every invariant has a case."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tests.invariants.history import (
    Beat,
    Bounds,
    Call,
    Entry,
    Event,
    Fault,
    Healed,
    History,
    Job,
    Lie,
    Outcome,
    Run,
    ScheduleChange,
    SessionChange,
    Task,
    TaskChange,
    TaskState,
)

T0 = datetime(2031, 5, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TICK = timedelta(milliseconds=1)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


JOBS = (
    Job(id="j-cron", name="cron", trigger="CRON", period=SECOND, catches_up=True),
    Job(id="j-rate", name="rate", trigger="FIXED_RATE", period=3 * SECOND),
    Job(id="j-chain", name="chain", trigger="FIXED_DELAY", delay=SECOND, overlaps=False),
    Job(id="j-once", name="once", trigger="ONE_TIME", instant=at(2)),
    Job(id="j-asked", name="asked", backoff=SECOND),
    Job(id="j-limited", name="limited", limit=1),
    Job(id="j-slow", name="slow", timeout=SECOND, backoff=SECOND),
    Job(id="j-after", name="after", trigger="DEPENDENCY", follows="asked"),
    Job(id="j-never-twice", name="never-twice", max_attempts=1, max_lost=0),
)


@dataclass
class Story:
    """Tells things as the recorders of real runs do, one after the other."""

    tasks: list[Task] = field(default_factory=list)
    changes: list[TaskChange] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    ledger: list[Entry] = field(default_factory=list)
    _states: dict[str, TaskState] = field(default_factory=dict)
    _tokens: count[int] = field(default_factory=lambda: count(1))
    _commits: count[int] = field(default_factory=lambda: count(1))

    def created(self, task: Task, when: datetime) -> None:
        self.tasks.append(task)
        self._change(task.id, when, TaskState(status="PENDING", attempt=0, ready_at=when, scheduled_time=when))

    def begun(self, task: str, when: datetime, executor: str = "w1", timeout: timedelta | None = None) -> int:
        old, token = self._states[task], next(self._tokens)
        deadline = None if timeout is None else when + timeout
        held = replace(old, status="RUNNING", error=None, attempt=old.attempt + 1, deadline_at=deadline)
        self._change(task, when, replace(held, token=token, executor=executor, epoch=1))
        self.runs.append(Run(executor=executor, task=task, token=token, began_at=when + TICK))
        return token

    def ended(self, task: str, when: datetime, how: str = "DONE") -> None:
        """As its executor says; a failure is followed by a second try a second later."""
        old = self._states[task]
        self.runs[-1] = replace(self.runs[-1], ended_at=when - 2 * TICK, how=how)
        if how == "DONE":
            self._settle(task, when, replace(old, status="COMPLETED", result={"token": old.token}, ended_at=when))
        else:
            self._settle(task, when, self._waiting(old, "PLANNED", when - TICK + SECOND))

    def lost(self, task: str, when: datetime, error: str = "EXECUTOR_LOST") -> None:
        """It goes back, at once if its executor is lost; its run was stopped or killed."""
        old = self._states[task]
        if error == "EXECUTOR_LOST":
            self._settle(task, when, replace(self._waiting(old, error, when), lost=old.lost + 1))
        else:
            self.runs[-1] = replace(self.runs[-1], ended_at=when, how="STOPPED")
            self._settle(task, when, replace(self._waiting(old, error, when + SECOND), executor="w1", stopping=True))
            self._change(task, when + TICK, self._waiting(old, error, when + SECOND))

    def fired(self, job: str, task: str, nominal: datetime, when: datetime | None = None) -> datetime:
        """A fire whose task takes a tenth of a second; when that ends."""
        begin = when or nominal
        key = f"{job}:{nominal.isoformat()}"
        self.created(Task(id=task, job=job, fire_key=key), begin)
        self.begun(task, begin + SECOND / 100)
        end = begin + SECOND / 10
        self.ended(task, end)
        self.decided(job, "FIRED", nominal, task, key)
        return end

    def decided(self, job: str, decision: str, nominal: datetime, task: str | None = None, key: str = "") -> None:
        times = {"first_nominal": nominal, "nominal": nominal, "decided_at": nominal}
        self.ledger.append(Entry(job=job, fire_key=key, decision=decision, count=1, task=task, **times))

    def _waiting(self, old: TaskState, error: str, ready: datetime) -> TaskState:
        return replace(old, status="WAITING_RETRY", executor=None, error=error, ready_at=ready)

    def _settle(self, task: str, when: datetime, new: TaskState) -> None:
        final = new.status != "WAITING_RETRY"
        self._change(task, when, replace(new, live=not final))
        type_ = {"COMPLETED": "TaskCompleted", "WAITING_RETRY": "TaskRetryScheduled"}[new.status]
        self.events.append(Event(id=(len(self.events) + 1, 0), tx=self.changes[-1].tx, type=type_, task=task))

    def _change(self, task: str, when: datetime, new: TaskState) -> None:
        tx = str(next(self._commits))
        change = TaskChange(tx=tx, began=when - TICK, at=when, task=task, old=self._states.get(task), new=new)
        self.changes.append(change)
        self._states[task] = new


def good() -> History:
    """Nothing in it is wrong."""
    story = Story()
    for n in range(3):
        story.fired("j-cron", f"cron-{n}", at(n))
        story.fired("j-rate", f"rate-{n}", at(3 * n) + SECOND / 4)
    end = story.fired("j-chain", "chain-0", at(0))
    story.fired("j-chain", "chain-1", end + SECOND)
    story.fired("j-once", "once-0", at(2))
    for n in range(2):
        story.fired("j-limited", f"limited-{n}", at(n))
    story.ledger = [entry for entry in story.ledger if entry.job != "j-limited"]
    story.tasks = [replace(t, fire_key=None, mark=t.id) if t.job == "j-limited" else t for t in story.tasks]

    story.created(Task(id="retried", job="j-asked", mark="m1", unique_key="unique:a", run="r1"), at(0))
    story.begun("retried", at(0.1))
    story.ended("retried", at(0.2), "FAILED")
    story.begun("retried", at(1.3))
    story.lost("retried", at(5))
    story.begun("retried", at(5.1), executor="w2")
    story.ended("retried", at(5.2))
    story.created(Task(id="overdue", job="j-slow", mark="m2"), at(0))
    story.begun("overdue", at(0.1), timeout=SECOND)
    story.lost("overdue", at(1.2), error="EXECUTION_TIMEOUT")
    story.begun("overdue", at(2.3), timeout=SECOND)
    story.ended("overdue", at(2.5))
    story.created(Task(id="single", job="j-never-twice", mark="m3"), at(0))
    story.begun("single", at(0.1))
    story.ended("single", at(0.2))

    story.created(Task(id="after", job="j-after", fire_key="run:r1", run="r1"), at(5.25))
    story.begun("after", at(5.3))
    story.ended("after", at(5.4))
    story.decided("j-after", "FIRED", at(5.25), "after", "run:r1")

    def call(what: str, key: str, begin: float, **more: Any) -> Call:
        answered = at(begin + 0.01)
        return Call(what=what, key=key, invoked_at=at(begin), answered_at=answered, outcome=Outcome.OK, **more)

    return History(
        bounds=Bounds(silence=4 * SECOND, recovery=5 * SECOND),
        read_at=at(60),
        jobs=JOBS,
        tasks=story.tasks,
        changes=story.changes,
        ledger=story.ledger,
        sessions=[SessionChange(at=at(5), executor="w1", epoch=1, status="OFFLINE", last_beat=at(0.9), lost=True)],
        schedules=[
            ScheduleChange(at=at(n), job="j-cron", version=1, last_nominal=at(n), fired=n + 1) for n in range(3)
        ],
        events=story.events,
        followed=[event.id for event in story.events],
        runs=story.runs,
        lies=[Lie(executor="liar", kind="completed the task of another", outcome="LEASE_LOST")],
        calls=[
            call("SUBMIT", "idempotent:1", 0, mark="m1", subject="retried"),
            call("SUBMIT", "idempotent:1", 1, mark="m1", subject="retried"),
            call("SUBMIT", "plain:2", 0, mark="m2", subject="overdue"),
            call("SUBMIT", "plain:3", 0, mark="m3", subject="single"),
            call("SUBMIT", "plain:4", 0, mark="limited-0", subject="limited-0"),
            call("SUBMIT", "plain:5", 0, mark="limited-1", subject="limited-1"),
            call("CREATE", "once", 0),
            call("CANCEL", "m3", 3, subject="single"),
            call("PAUSE", "cron", 3),
            call("LOCK", "ledger", 0, subject="a", token=101, until=at(1)),
            call("LOCK", "ledger", 1.5, subject="b", token=102, until=at(2)),
        ],
        faults=[Fault(kind="kill-executor", target="w1", began_at=at(1.5), ended_at=at(2))],
        beats=[Beat(executor="w1", at=at(0.9)), Beat(executor="w2", at=at(4))],
        healed=[Healed(name="n1", ready=True, complaints=0)],
        rows_live=[],
        rows_ended=[task.id for task in story.tasks],
    )
