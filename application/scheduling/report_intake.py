"""Reports of executors become settlements, log lines and outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from application.scheduling.metrics import UNCOUNTED, Metrics
from application.shared.ids import Dice
from application.shared.wake_up import JUDGEMENTS, OPENINGS, WakeUp, task_topic
from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_exchange import Exchanged, Lease, LogBatch, Standing, TaskExchange
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.report import Report, ReportKind
from domain.scheduling.settlement import (
    SNOOZED,
    Attempt,
    ReportOutcome,
    Settlement,
    cancel,
    complete,
    fail,
    lose,
    snooze,
)
from domain.scheduling.task import TaskError
from domain.scheduling.task_status import TaskStatus
from domain.shared.json_value import JsonText

_ENDS = {ReportKind.COMPLETE, ReportKind.FAIL, ReportKind.SNOOZE, ReportKind.CANCEL, ReportKind.RELEASE}
_NEEDS_FACTS = {ReportKind.FAIL, ReportKind.SNOOZE, ReportKind.RELEASE}
_STANDINGS = (ReportKind.PROGRESS, ReportKind.CHECKPOINT)
NO_DELAY = timedelta(0)
A_MOMENT = timedelta(milliseconds=250)
"""Settlements are written soon after they were decided: what is ready by then stands in its lane at once."""

_Key = tuple[TaskId, int, ReportKind]


@dataclass(slots=True)
class Taken:
    """Reports on their way: `settlements` were decided at `decided_at`, if that matters to them, and are not yet
    written; `known` holds the outcomes so far.

    `stale` ends belong to leases that the same reports show to be over.
    """

    settlements: Sequence[Settlement] = ()
    decided_at: datetime | None = None
    stale: Sequence[Settlement] = ()
    known: dict[_Key, ReportOutcome] = field(default_factory=dict)
    finished: bool = False

    @property
    def gives_back(self) -> bool:
        """Whether tasks among them are ready again at once, for any executor."""
        if self.decided_at is None:
            return False
        soon = self.decided_at + A_MOMENT
        return any(s.ready_at is not None and s.ready_at <= soon for s in self.settlements)

    def outcomes(self, reports: Sequence[Report]) -> list[ReportOutcome]:
        """In the order of the reports. One about a lease that nobody knows has lost it."""
        return [self.known.get(_key(r), ReportOutcome.LEASE_LOST) for r in reports]


class ReportIntake:
    """First lines and starts, then what has ended, so that a task's last lines stand before its end."""

    def __init__(self, exchange: TaskExchange, dice: Dice, wake_up: WakeUp, metrics: Metrics = UNCOUNTED) -> None:
        self._exchange = exchange
        self._dice = dice
        self._wake_up = wake_up
        self._metrics = metrics

    async def take(self, session: Session, reports: Sequence[Report]) -> Taken:
        """Write what can be written at once and decide the rest."""
        taken = Taken()
        if not reports:
            taken.finished = True
            return taken
        present, over = _by_lease(reports)
        by_kind: dict[ReportKind, list[Report]] = {}
        for report in present:
            by_kind.setdefault(report.kind, []).append(report)
        if logs := by_kind.get(ReportKind.LOG):
            self._know(taken, logs, await self._exchange.log(session, [_batch(r) for r in logs]))
            for report in logs:
                self._wake_up.signal(task_topic(report.task_id))
        if starts := by_kind.get(ReportKind.START):
            self._know(taken, starts, await self._exchange.start(session, _leases(starts)))
        if said := [report for kind in _STANDINGS for report in by_kind.get(kind, ())]:
            self._know(taken, said, await self._exchange.stand(session, _standings(said)))
        if stopped := by_kind.get(ReportKind.STOPPED):
            self._know(taken, stopped, await self._exchange.stopped(session, _leases(stopped)))
            self._wake_up.signal(JUDGEMENTS)
            self._wake_up.signal(OPENINGS)
        taken.decided_at, taken.settlements = await self._decide(session, _first_ends(taken, present))
        taken.stale = [_unapplied(report) for report in _first_ends(taken, over)]
        return taken

    async def finish(self, session: Session, taken: Taken, answer: Exchanged) -> None:
        """After the settlements were written: what became of those that did not take effect."""
        if taken.finished:
            return
        taken.finished = True
        missed = []
        for settlement in taken.settlements:
            if settlement.task_id in answer.applied:
                self._settled(taken, settlement, ReportOutcome.APPLIED)
            else:
                missed.append(settlement)
        self._metrics.settled([s.status for s in taken.settlements if s.task_id in answer.applied])
        self._metrics.ran(answer.durations)
        if answer.judged:
            self._wake_up.signal(JUDGEMENTS)
        if missed:
            # An attempt that was to be stopped and has ended by itself has stopped as well.
            await self._exchange.stopped(session, [(s.task_id, s.token) for s in missed])
        for too_late in (missed, taken.stale):
            outcomes = await self._exchange.miss(session, too_late) if too_late else {}
            for settlement in too_late:
                lease = (settlement.task_id, settlement.token)
                self._settled(taken, settlement, outcomes.get(lease, ReportOutcome.LEASE_LOST))
        if any(s.status is TaskStatus.WAITING_RETRY for s in taken.settlements):
            self._wake_up.signal(OPENINGS)

    async def _decide(self, session: Session, ends: Sequence[Report]) -> tuple[datetime | None, list[Settlement]]:
        """Also when that was, if any of them depends on it."""
        facts: dict[Lease, Attempt] = {}
        now = None
        if asking := _leases(r for r in ends if r.kind in _NEEDS_FACTS):
            now, attempts = await self._exchange.attempts(session, asking)
            facts = {(a.task_id, a.token): a for a in attempts}
        settlements = []
        for report in ends:
            if report.kind is ReportKind.COMPLETE:
                settlements.append(complete(report.task_id, report.token, report.result))
            elif report.kind is ReportKind.CANCEL:
                settlements.append(cancel(report.task_id, report.token, report.message or ""))
            elif (attempt := facts.get((report.task_id, report.token))) is None or now is None:
                settlements.append(_unapplied(report))
            elif report.kind is ReportKind.FAIL:
                error = report.error or TaskError("FAILED", "The executor gave no reason.")
                wait = report.retry_after
                end = fail(attempt, error, now, self._dice.roll(), retryable=report.retryable, retry_after=wait)
                settlements.append(end)
            elif report.kind is ReportKind.SNOOZE:
                settlements.append(snooze(attempt, report.message or "", report.retry_after or NO_DELAY, now))
            else:
                settlements.append(lose(attempt, "its executor gave it back", now))
        return now, settlements

    def _know(self, taken: Taken, reports: Sequence[Report], applied: frozenset[TaskId]) -> None:
        for report in reports:
            held = report.task_id in applied
            taken.known[_key(report)] = ReportOutcome.APPLIED if held else ReportOutcome.LEASE_LOST

    def _settled(self, taken: Taken, settlement: Settlement, outcome: ReportOutcome) -> None:
        for kind in _ENDS:  # one that came second is known to have lost its lease
            taken.known.setdefault((settlement.task_id, settlement.token, kind), outcome)
        self._wake_up.signal(task_topic(settlement.task_id))


def _first_ends(taken: Taken, reports: Sequence[Report]) -> list[Report]:
    """An attempt ends once: by the first report that says so. A repeated one shares its outcome, another has lost."""
    first: dict[Lease, Report] = {}
    for report in reports:
        if report.kind in _ENDS and first.setdefault((report.task_id, report.token), report).kind is not report.kind:
            taken.known[_key(report)] = ReportOutcome.LEASE_LOST
    return list(first.values())


def _by_lease(reports: Sequence[Report]) -> tuple[list[Report], list[Report]]:
    """Reports that may be about present leases, and those that are not: of two tokens of a task the lower is over."""
    highest: dict[TaskId, int] = {}
    for report in reports:
        highest[report.task_id] = max(report.token, highest.get(report.task_id, report.token))
    present = [r for r in reports if r.token == highest[r.task_id]]
    return present, [r for r in reports if r.token < highest[r.task_id]]


def _unapplied(report: Report) -> Settlement:
    """The end of an attempt that is not held: it will not take effect, but its result or error is worth keeping."""
    if report.kind is ReportKind.COMPLETE:
        return complete(report.task_id, report.token, report.result)
    error = TaskError(SNOOZED, report.message or "") if report.kind is ReportKind.SNOOZE else report.error
    return Settlement(task_id=report.task_id, token=report.token, status=TaskStatus.FAILED, error=error)


def _key(report: Report) -> _Key:
    return report.task_id, report.token, report.kind


def _leases(reports: Iterable[Report]) -> list[Lease]:
    return [(r.task_id, r.token) for r in reports]


def _standings(reports: Iterable[Report]) -> list[Standing]:
    """The last word on each of a lease's two counts."""
    last: dict[Lease, Standing] = {}
    for r in reports:
        before = last.get((r.task_id, r.token))
        says = r if r.progress is not None or before is None else before
        last[r.task_id, r.token] = Standing(
            task_id=r.task_id,
            token=r.token,
            progress=says.progress,
            message=says.message,
            checkpoint=r.checkpoint if r.checkpoint is not None or before is None else before.checkpoint,
        )
    return list(last.values())


def _batch(report: Report) -> LogBatch:
    lines = report.lines or JsonText("[]")
    return LogBatch(task_id=report.task_id, token=report.token, sequence=report.sequence, lines=lines)
