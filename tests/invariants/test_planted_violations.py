"""The checks are checked: a good history passes all of them, and each of them finds what was planted for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.invariants.all import INVARIANTS
from tests.invariants.checking import judge, table
from tests.invariants.history import Call, Event, History, Outcome, Task, TaskChange
from tests.invariants.story import SECOND, TICK, at, good

Plant = Callable[[History], History]


def of(history: History, task: str, place: int) -> TaskChange:
    return history.by_task[task][place]


def changed(history: History, task: str, place: int, **new: Any) -> History:
    """The state after a change of a task is another one, and the next change begins with that."""
    found = list(history.by_task[task])
    found[place] = replace(found[place], new=replace(found[place].new, **new))
    if place + 1 < len(found):
        found[place + 1] = replace(found[place + 1], old=found[place].new)
    return rewritten(history, task, found)


def rewritten(history: History, task: str, changes: Sequence[TaskChange]) -> History:
    others = [change for change in history.changes if change.task != task]
    return replace_all(history, changes=[*others, *changes])


def moved(history: History, task: str, place: int, by: timedelta) -> History:
    """A change of a task came earlier or later."""
    found = list(history.by_task[task])
    found[place] = replace(found[place], at=found[place].at + by, began=found[place].began + by)
    return rewritten(history, task, found)


def replace_all(history: History, **parts: Any) -> History:
    return replace(history, **parts)


def without_last(history: History, task: str) -> History:
    """The last that was written about a task, and what was told of it, is not there."""
    last = of(history, task, -1)
    shortened = rewritten(history, task, history.by_task[task][:-1])
    return replace_all(shortened, events=[event for event in history.events if event.tx != last.tx])


def runs(history: History, task: str, **parts: Any) -> History:
    return replace_all(history, runs=[replace(r, **parts) if r.task == task else r for r in history.runs])


def entries(history: History, task: str, **parts: Any) -> History:
    return replace_all(history, ledger=[replace(e, **parts) if e.task == task else e for e in history.ledger])


def calls(history: History, named: str, /, **parts: Any) -> History:
    return replace_all(history, calls=[replace(c, **parts) if c.key == named else c for c in history.calls])


def submitted_again(history: History) -> History:
    """The second request under the key makes another task."""
    twin = Task(id="twin", job="j-asked", mark="m1")
    first = replace(of(history, "retried", 0), task="twin", tx="t1")
    last = replace(of(history, "retried", -1), task="twin", tx="t2", old=of(history, "retried", -2).new)
    return replace_all(history, tasks=[*history.tasks, twin], changes=[*history.changes, first, last])


def named_alike(history: History) -> History:
    tasks = [replace(task, unique_key="unique:a") if task.id == "single" else task for task in history.tasks]
    first = [change for change in history.changes if change.task == "single"][:1]
    return replace_all(history, tasks=tasks, changes=[of(history, "retried", 0), *first, *history.changes])


def all_at_once(history: History) -> History:
    """The second task of a limit is begun before the first has ended."""
    first, second = history.by_task["limited-0"], history.by_task["limited-1"]
    others = [change for change in history.changes if change.task not in ("limited-0", "limited-1")]
    return replace_all(history, changes=[*others, *first[:2], *second, first[2]])


def revived(history: History) -> History:
    last = of(history, "cron-0", -1)
    again = replace(last, tx="t1", old=last.new, new=replace(last.new, status="FAILED"))
    return replace_all(history, changes=[*history.changes, again], events=[*history.events, told("t1", "TaskFailed")])


def told(tx: str, type_: str) -> Event:
    return Event(id=(999, 0), tx=tx, type=type_, task="cron-0")


def begun_again(history: History) -> History:
    """By another process, under another token that nobody knows."""
    (run,) = (run for run in history.runs if run.task == "single")
    return replace_all(history, runs=[*history.runs, replace(run, token=998)])


def healed(**parts: Any) -> Plant:
    return lambda history: replace_all(history, healed=[replace(history.healed[0], **parts)])


def fired_while_paused(history: History) -> History:
    return entries(history, "cron-2", decided_at=at(4))


def cancelled_and_alive(history: History) -> History:
    return without_last(history, "single")


PLANTED: tuple[tuple[str, str, Plant], ...] = (
    ("I1", "two entries", lambda h: replace_all(h, ledger=[*h.ledger, h.ledger[0]])),
    ("I1", "two tasks", lambda h: replace_all(h, tasks=[*h.tasks, replace(h.tasks[0], id="twin")])),
    ("I1", "an entry without a task", lambda h: replace_all(h, tasks=[replace(t, fire_key=None) for t in h.tasks])),
    ("I2", "a fire beside its times", lambda h: entries(h, "cron-1", nominal=at(1) + TICK)),
    ("I2", "a fire at another instant", lambda h: entries(h, "once-0", nominal=at(1))),
    ("I2", "a task out of nowhere", lambda h: replace_all(h, calls=[c for c in h.calls if c.mark != "m3"])),
    ("I3", "given away early", lambda h: moved(h, "cron-1", 1, -2 * SECOND)),
    ("I3", "a retry given away early", lambda h: moved(h, "retried", 3, -SECOND)),
    ("I3", "begun early", lambda h: runs(h, "cron-1", began_at=at(0))),
    ("I4", "a hole", lambda h: replace_all(h, ledger=[e for e in h.ledger if e.task != "cron-1"])),
    ("I4", "left out", lambda h: entries(h, "cron-1", decision="MISSED")),
    ("I4", "coalesced into nothing", lambda h: entries(h, "rate-2", decision="COALESCED")),
    ("I4", "fired and never run", lambda h: without_last(h, "rate-1")),
    ("I5", "decided too late", lambda h: entries(h, "cron-1", decided_at=at(20))),
    ("I6", "a lower token", lambda h: changed(h, "retried", 3, token=1)),
    ("I6", "a shared token", lambda h: changed(h, "single", 1, token=of(h, "cron-0", 1).new.token)),
    ("I7", "a stale token", lambda h: changed(h, "cron-0", 2, token=0)),
    ("I7", "work that was not done", lambda h: runs(h, "cron-0", how="FAILED")),
    ("I7", "work of nobody", lambda h: replace_all(h, runs=[r for r in h.runs if r.task != "cron-0"])),
    ("I7", "work that was not finished", lambda h: runs(h, "cron-0", ended_at=at(50))),
    ("I7", "another result", lambda h: changed(h, "cron-0", 2, result={"lie": True})),
    ("I7", "a lie", lambda h: replace_all(h, lies=[replace(h.lies[0], outcome="APPLIED")])),
    ("I7b", "begun twice", lambda h: replace_all(h, runs=[*h.runs, h.runs[0]])),
    ("I7b", "begun by another", lambda h: runs(h, "cron-0", executor="w2")),
    ("I8", "ended twice", revived),
    ("I9", "no such way", lambda h: changed(h, "cron-0", 0, status="COMPLETED")),
    ("I9", "begun by nobody", lambda h: changed(h, "cron-0", 1, token=None)),
    ("I10", "an attempt left out", lambda h: changed(h, "retried", 3, attempt=3)),
    ("I10", "given away while it runs", lambda h: changed(h, "overdue", 3, stopping=True)),
    ("I10", "tried too often", lambda h: changed(h, "single", 2, attempt=2)),
    ("I10", "lost too often", lambda h: changed(h, "retried", -1, attempt=9, lost=9)),
    ("I10", "run twice that must not", begun_again),
    ("I11", "a retry too early", lambda h: changed(h, "retried", 2, ready_at=at(0.5))),
    ("I11", "a retry too late", lambda h: changed(h, "retried", 2, ready_at=at(2))),
    ("I11", "a lost attempt that waits", lambda h: changed(h, "retried", 4, ready_at=at(6))),
    ("I12", "no time-out", lambda h: moved(h, "overdue", 2, 20 * SECOND)),
    ("I12", "no deadline", lambda h: changed(h, "overdue", 1, deadline_at=None)),
    ("I12b", "a slot that is not let go", lambda h: moved(h, "overdue", 3, 30 * SECOND)),
    ("I13", "held by the dead", lambda h: moved(h, "retried", 4, 20 * SECOND)),
    ("I14", "a beat in the store", lambda h: replace_all(h, sessions=[replace(h.sessions[0], last_beat=at(2))])),
    ("I14", "a beat that was answered", lambda h: replace_all(h, beats=[replace(h.beats[0], at=at(3))])),
    ("I15", "two at a time", all_at_once),
    (
        "I16",
        "not followed",
        lambda h: replace_all(h, tasks=[replace(t, job=t.job.replace("after", "slow")) for t in h.tasks]),
    ),
    ("I16", "followed twice", lambda h: replace_all(h, tasks=[*h.tasks, h.tasks[-1]])),
    ("I16", "follows nothing", lambda h: replace_all(h, tasks=[replace(t, run=None) for t in h.tasks])),
    ("I16", "followed too early", lambda h: moved(h, "after", 1, -SECOND)),
    ("I16", "left out after a success", lambda h: changed(h, "after", 2, status="SKIPPED")),
    ("I16", "run after a failure", lambda h: changed(h, "retried", -1, status="FAILED")),
    ("I17", "drift", lambda h: entries(h, "rate-2", first_nominal=at(6.26), nominal=at(6.26))),
    ("I18", "too soon", lambda h: entries(h, "chain-1", nominal=at(1))),
    ("I18", "a chain that stood still", lambda h: entries(h, "chain-1", decided_at=at(30))),
    ("I19", "never fired", lambda h: entries(h, "once-0", decision="MISSED")),
    ("I20", "two holders", lambda h: replace_all(h, calls=[_longer(c) for c in h.calls])),
    ("I20", "one token", lambda h: replace_all(h, calls=[replace(c, token=c.token and 101) for c in h.calls])),
    ("I21", "not told", lambda h: replace_all(h, events=h.events[1:], followed=h.followed[1:])),
    ("I21", "told of nothing", lambda h: replace_all(h, events=[*h.events, told("t9", "TaskFailed")])),
    ("I21", "told elsewhere", lambda h: replace_all(h, events=[replace(h.events[0], tx="t9"), *h.events[1:]])),
    ("I21", "not heard", lambda h: replace_all(h, followed=[*h.followed[:2], *h.followed[3:]])),
    ("I21", "heard in the wrong order", lambda h: replace_all(h, followed=list(reversed(h.followed)))),
    ("I21", "heard of nothing", lambda h: replace_all(h, followed=[*h.followed, (997, 0)])),
    ("I22", "done twice", submitted_again),
    ("I22", "answered otherwise", lambda h: replace_all(h, calls=[_other(c) for c in h.calls])),
    ("I22b", "two alive", named_alike),
    ("I23", "fired while paused", fired_while_paused),
    ("I24", "went back", lambda h: replace_all(h, schedules=[*h.schedules, h.schedules[0]])),
    ("I25", "a task is gone", lambda h: calls(h, "plain:2", subject="gone")),
    ("I25", "a job is gone", lambda h: calls(h, "once", key="gone")),
    ("I25", "cancelled and alive", cancelled_and_alive),
    ("I26", "a row is gone", lambda h: replace_all(h, rows_ended=h.rows_ended[1:])),
    ("I26", "two rows", lambda h: replace_all(h, rows_ended=[*h.rows_ended, h.rows_ended[0]])),
    ("I26", "alive for ever", lambda h: replace_all(h, rows_live=h.rows_ended[:1], rows_ended=h.rows_ended[1:])),
    ("I26b", "runs and is held by nobody", lambda h: changed(h, "cron-0", 1, executor=None)),
    ("I26b", "waits and is held", lambda h: changed(h, "retried", 2, executor="w1")),
    ("I30", "not ready", healed(ready=False)),
    ("I30", "complains", healed(complaints=3)),
)


def _longer(call: Call) -> Call:
    return replace(call, until=at(1.8)) if call.token == 101 else call


def _other(call: Call) -> Call:
    again = call.key == "idempotent:1" and call.invoked_at > at(0.5)
    return replace(call, subject="single") if again else call


def test_a_good_history_has_cases_of_everything_and_nothing_wrong_in_it() -> None:
    verdicts = judge(good(), INVARIANTS)
    assert not [verdict for verdict in verdicts if verdict.word != "holds"], table(verdicts)


@pytest.mark.parametrize(("id_", "what", "plant"), PLANTED, ids=[f"{id_}: {what}" for id_, what, _ in PLANTED])
def test_what_was_planted_is_found(id_: str, what: str, plant: Plant) -> None:
    verdicts = judge(plant(good()), INVARIANTS)
    assert id_ in {verdict.id for verdict in verdicts if verdict.violations}, table(verdicts)


def test_every_invariant_has_something_planted() -> None:
    assert {id_ for id_, _, _ in PLANTED} == {invariant.id for invariant in INVARIANTS}


def test_what_is_excused_is_not_a_violation_and_is_told() -> None:
    history = good()
    fault = replace(history.faults[0], kind="kill-node", target="n1", began_at=at(1.5), ended_at=at(4))
    amid = replace_all(history, faults=[*history.faults, fault], beats=[replace(history.beats[0], at=at(3))])
    (verdict,) = [verdict for verdict in judge(amid, INVARIANTS) if verdict.id == "I14"]
    assert (verdict.word, verdict.note) == ("holds", "1 amid faults of the platform itself")


def test_a_refused_call_owes_nothing() -> None:
    history = calls(good(), "plain:2", outcome=Outcome.REFUSED, subject="gone")
    assert not [verdict for verdict in judge(history, INVARIANTS) if verdict.violations]


def test_the_table_names_each_violation_and_counts_those_it_leaves_out() -> None:
    history = replace_all(good(), rows_ended=[])
    text = table(judge(history, INVARIANTS))
    assert "VIOLATED" in text
    assert "I26: task cron-0 is there 0 times" in text or "I26: and" in text
