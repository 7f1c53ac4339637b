"""The invariants that can be judged at each commit are judged there, on what has been seen of the tasks it touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from tests.invariants.all import INVARIANTS
from tests.invariants.checking import judge
from tests.invariants.history import Bounds, Event, History, Job, TaskChange
from tests.simulation.diary import Diary
from tests.simulation.store.database import Commit
from tests.simulation.witness import Witness

OF_A_TASK = tuple(each for each in INVARIANTS if each.id in {"I3", "I6", "I7", "I8", "I9", "I10", "I26b"})
OF_A_COMMIT = tuple(each for each in INVARIANTS if each.id == "I21")


class Guard:
    """Stands at the store. `stop` is told of the first thing that must not be."""

    def __init__(
        self,
        witness: Witness,
        diary: Diary,
        bounds: Bounds,
        jobs: Callable[[], Sequence[Job]],
        stop: Callable[[str], None],
    ) -> None:
        self._witness, self._diary, self._bounds = witness, diary, bounds
        self._jobs, self._stop = jobs, stop
        self.judged = 0

    def __call__(self, commit: Commit) -> None:
        changes, told = self._witness.note(commit)
        touched = list(dict.fromkeys(change.task for change in changes))
        found = []
        if touched:
            found += judge(self._of_tasks(touched, commit.at), OF_A_TASK)
        if touched or told:
            found += judge(self._of_commit(changes, told, commit.at), OF_A_COMMIT)
        self.judged += sum(verdict.cases for verdict in found)
        for verdict in found:
            for violation in verdict.violations:
                self._stop(f"{verdict.id}: {violation} (commit {commit.number})")

    def _of_tasks(self, tasks: Sequence[str], at: datetime) -> History:
        known = self._witness
        return History(
            bounds=self._bounds,
            read_at=at,
            jobs=self._jobs(),
            tasks=[known.tasks[task] for task in tasks],
            changes=[change for task in tasks for change in known.by_task[task]],
            runs=[run for task in tasks for run in self._diary.runs_of(task)],
        )

    def _of_commit(self, changes: Sequence[TaskChange], told: Sequence[Event], at: datetime) -> History:
        return History(bounds=self._bounds, read_at=at, changes=changes, events=told)
