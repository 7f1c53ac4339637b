"""The health of schedules: what the row of a schedule and the ledger say, compared with what the trigger says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.scheduling.schedule import Schedule
from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger

PATIENCE = timedelta(minutes=1)
"""How late something may be before it is a finding; a longer grace of the job counts instead."""

LONG_OVERDUE = 5
"""An overdue schedule is an ERROR after so many times that long."""

LEDGER_TIMES, LEDGER_SPAN = 10, timedelta(days=7)
"""So many of the latest times are looked up in the ledger, none older than this."""

_COMPARED = 3
_MOST_WALKED = 50


class Ailment(StrEnum):
    """What may be wrong with a schedule."""

    SET_ASIDE = "SET_ASIDE"
    OVERDUE = "OVERDUE"
    FROZEN = "FROZEN"
    DRIFTED = "DRIFTED"
    AWAITS_NOBODY = "AWAITS_NOBODY"
    LEDGER_GAP = "LEDGER_GAP"


class HealthStatus(StrEnum):
    """ERROR: fires are lost or will be. WARNING: they are late."""

    OK = "OK"
    WARNING = "WARNING"
    ERROR = "ERROR"


REPAIRABLE = frozenset({Ailment.FROZEN, Ailment.DRIFTED})
"""Mended by computing the times to come anew: what has fired is in the ledger, and cannot fire again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: `detail` with its numbers, `mend` what to do."""

    ailment: Ailment
    status: HealthStatus
    detail: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What is stored about the schedule of an ACTIVE job.

    `due_at` stands in the row, `job_version` is the job's, `error` why it is set aside since `failures` tries. The run
    that it awaits has ended at `awaited_ended_at`, None while it is alive or there is none.
    """

    schedule: Schedule
    due_at: datetime | None
    job_version: int
    error: str | None = None
    failures: int = 0
    awaited_ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """The span of times that an entry of the ledger is about."""

    first: datetime
    last: datetime


def status_of(findings: Sequence[Finding]) -> HealthStatus:
    """That of the worst."""
    statuses = {finding.status for finding in findings}
    return next((s for s in (HealthStatus.ERROR, HealthStatus.WARNING) if s in statuses), HealthStatus.OK)


def ledger_from(schedule: Schedule, now: datetime) -> datetime | None:
    """After which instant the ledger must have each time up to the last decided one; None: it is not compared."""
    last, since = schedule.state.last_nominal, schedule.state.since
    if last is None or since is None or schedule.policy.awaits_end or last > now:
        return None
    step = schedule.upcoming[0] - last if schedule.upcoming else LEDGER_SPAN
    return max(since, last - min(LEDGER_TIMES * step, LEDGER_SPAN), now - LEDGER_SPAN)


def examine(
    vitals: Vitals,
    trigger: Trigger,
    calendars: Calendars,
    ledger: Sequence[Entry],
    now: datetime,
    *,
    firing_stopped: bool = False,
) -> list[Finding]:
    """What is wrong, nothing for a healthy one; `ledger` holds the entries about times from `ledger_from` on."""
    if vitals.error is not None:
        return [_set_aside(vitals)]
    checked = (
        None if firing_stopped else _overdue(vitals, now),
        _stale(vitals, trigger, calendars, now),
        _awaits_nobody(vitals, now),
        _gap(vitals.schedule, trigger, calendars, ledger, now),
    )
    return [finding for finding in checked if finding is not None]


def recomputed(vitals: Vitals, trigger: Trigger, calendars: Calendars, now: datetime) -> Schedule:
    """With the times that the trigger has from now on; those that are due stay, for they are still to be decided."""
    schedule = vitals.schedule
    due = tuple(n for n in schedule.upcoming if n <= now)
    anew = replace(schedule, upcoming=due, active=True, exhausted=False, job_version=vitals.job_version)
    return anew.refilled(trigger, calendars, now, skip_past=True)


def unreadable(vitals: Vitals) -> Finding:
    """Its trigger cannot be read by the server that looks; known times still fire until they are used up."""
    if vitals.error is not None:
        return _set_aside(vitals)
    detail = f"Its trigger cannot be read here; {len(vitals.schedule.upcoming)} times are known and still fire."
    mend = "GET /jobs/{job} says why; a package with its trigger type may be missing on this node."
    return Finding(Ailment.SET_ASIDE, HealthStatus.ERROR, detail, mend)


def _set_aside(vitals: Vitals) -> Finding:
    tries = f"It could not be decided {vitals.failures} time(s) and is tried again at {_at(vitals.due_at)}"
    detail = f"{tries}: {vitals.error}"
    return Finding(Ailment.SET_ASIDE, HealthStatus.ERROR, detail, "Mend what the error names, or update the job.")


def _overdue(vitals: Vitals, now: datetime) -> Finding | None:
    patience = max(PATIENCE, vitals.schedule.policy.misfire.grace)
    if vitals.due_at is None or (late := now - vitals.due_at) <= patience:
        return None
    status = HealthStatus.ERROR if late > LONG_OVERDUE * patience else HealthStatus.WARNING
    detail = f"It was due at {_at(vitals.due_at)} and has not been decided for {late.total_seconds():.0f} s."
    mend = "See whether a node with its loops runs (GET /actuator/health), and whether the store keeps its row locked."
    return Finding(Ailment.OVERDUE, status, detail, mend)


def _stale(vitals: Vitals, trigger: Trigger, calendars: Calendars, now: datetime) -> Finding | None:
    schedule = vitals.schedule
    mend = "It is computed anew by itself; if this comes back, update the job and report it."
    if not schedule.active:
        return Finding(Ailment.FROZEN, HealthStatus.ERROR, "The job is ACTIVE and its schedule row is not.", mend)
    if vitals.due_at is None and schedule.due_at is not None:
        detail = f"Its next fire is at {_at(schedule.due_at)}, and nothing is due to look at it."
        return Finding(Ailment.FROZEN, HealthStatus.ERROR, detail, mend)
    if schedule.policy.awaits_end:
        return None
    expected = _times(schedule, trigger, calendars, now, _COMPARED)
    known = [n for n in schedule.upcoming if n > now][:_COMPARED]
    if not known and expected and schedule.due_at is None:
        detail = f"Its trigger fires next at {_at(expected[0])}, and no time is planned."
        return Finding(Ailment.FROZEN, HealthStatus.ERROR, detail, mend)
    if schedule.job_version != vitals.job_version:
        detail = f"It was planned for version {schedule.job_version} of the job, which has {vitals.job_version}."
    elif known != expected[: len(known)]:
        detail = f"It plans {_list(known)}; its trigger says {_list(expected)}."
    elif vitals.due_at is not None and schedule.due_at is not None and vitals.due_at > schedule.due_at:
        detail = f"Its next fire is at {_at(schedule.due_at)}, and it is looked at only at {_at(vitals.due_at)}."
    else:
        return None
    return Finding(Ailment.DRIFTED, HealthStatus.ERROR, detail, mend)


def _awaits_nobody(vitals: Vitals, now: datetime) -> Finding | None:
    ended_at = vitals.awaited_ended_at
    if ended_at is None or now - ended_at <= PATIENCE:
        return None
    detail = f"It waits for the end of run {vitals.schedule.awaited}, which is not alive any more."
    mend = "See whether a node with its loops runs: its follower finds such schedules every second."
    return Finding(Ailment.AWAITS_NOBODY, HealthStatus.ERROR, detail, mend)


def _gap(
    schedule: Schedule, trigger: Trigger, calendars: Calendars, ledger: Sequence[Entry], now: datetime
) -> Finding | None:
    after, last = ledger_from(schedule, now), schedule.state.last_nominal
    if after is None or last is None:
        return None
    times = [n for n in _times(schedule, trigger, calendars, after, _MOST_WALKED) if n <= last]
    lost = [n for n in times if not any(entry.first <= n <= entry.last for entry in ledger)]
    if not lost:
        return None
    detail = f"The ledger has no entry for {len(lost)} of the last {len(times)} times: {_list(lost[:_COMPARED])}."
    mend = "Make up for them with POST /jobs/{job}/backfill."
    return Finding(Ailment.LEDGER_GAP, HealthStatus.ERROR, detail, mend)


def _times(schedule: Schedule, trigger: Trigger, calendars: Calendars, after: datetime, count: int) -> list[datetime]:
    """As the schedule itself counts: a limit on executions is not used up by times that are only planned."""
    found, at = list[datetime](), after
    while len(found) < count and (nominal := trigger.next_fire(at, schedule.state, calendars)) is not None:
        found.append(at := nominal)
    return found


def _at(instant: datetime | None) -> str:
    return "no time" if instant is None else instant.isoformat().replace("+00:00", "Z")


def _list(times: Sequence[datetime]) -> str:
    return ", ".join(map(_at, times)) or "nothing"
