"""What the matches of a job's edges will mean, as far as schedules tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from application.scheduling.ports import SchedulingWork
from domain.scheduling.cadence import Meant, meant, meeting, never_meets
from domain.scheduling.dependency import Edge, Match, MatchType
from domain.scheduling.ids import JobId
from domain.scheduling.job import JobDefinition
from domain.shared.errors import FieldProblem, Invalid
from domain.shared.ids import TenantId
from domain.timing.duration import format_duration
from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger, TriggerState

MOST_REFUSED: Final = 3
"""Edges that are refused at once: to find out that two schedules never meet takes a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeOutlook:
    """An edge, what it means for the next fires of its job, and the first of these times that finds a fire at all."""

    job: str
    match: Match
    fires: Sequence[Meant]
    first_match: datetime | None


async def upstream_triggers(work: SchedulingWork, tenant: TenantId, definition: JobDefinition) -> Mapping[str, Trigger]:
    """Of the upstreams that the job looks at by a match, by what its edges call them; as far as there are any."""
    if not definition.trigger.by_clock or definition.trigger.awaits_end:
        return {}
    matched = {edge.job: _key(edge.job) for edge in definition.dependencies.edges if edge.match is not None}
    found = await work.graph.named(tenant, list(matched.values())) if matched else {}
    ids = {name: found[key][0] for name, key in matched.items() if key in found}
    triggers = await work.schedules.triggers(list(ids.values())) if ids else {}
    return {name: triggers[job_id] for name, job_id in ids.items() if job_id in triggers}


def check_matches(
    definition: JobDefinition, upstreams: Mapping[str, Trigger], calendars: Calendars, now: datetime
) -> None:
    """Raises `Invalid` for edges whose match can never find a fire."""
    problems = list[FieldProblem]()
    for place, edge in enumerate(definition.dependencies.edges):
        upstream = upstreams.get(edge.job)
        if upstream is None or edge.match is None or len(problems) == MOST_REFUSED:
            continue
        if never_meets(definition.trigger, upstream, edge.match, now, calendars):
            problems.append(FieldProblem(f"/dependencies/{place}/match", "NEVER_MATCHES", _never(edge, upstream)))
    if problems:
        raise Invalid(*problems)


def _never(edge: Edge, upstream: Trigger) -> str:
    if not upstream.by_clock:
        return f"{edge.job!r} fires at no planned time (its trigger is {upstream.kind}); match its LATEST run instead."
    if edge.match is not None and edge.match.span is not None:
        window = format_duration(edge.match.span)
        return f"No fire of {edge.job!r} ever lies within {window} before a fire of this job. Widen the window."
    return (
        f"{edge.job!r} never fires at the same time as this job. Give both the same times, or match its LATEST fire of"
        ' some hours: {"type": "LATEST", "maxAge": "PT12H"}.'
    )


def coming_matches(
    definition: JobDefinition, upstreams: Mapping[str, Trigger], calendars: Calendars, now: datetime, count: int
) -> Sequence[EdgeOutlook]:
    """For the next `count` fires of the job."""
    state, trigger = TriggerState(since=now), definition.trigger
    nominals = trigger.upcoming(trigger.look_from(now, state), state, calendars, count) if upstreams else ()
    return [
        _outlook(definition, edge.job, edge.match, upstreams[edge.job], nominals, calendars, now)
        for edge in definition.dependencies.edges
        if edge.match is not None and edge.job in upstreams and upstreams[edge.job].by_clock
    ]


def _outlook(
    definition: JobDefinition,
    job: str,
    match: Match,
    upstream: Trigger,
    nominals: Sequence[datetime],
    calendars: Calendars,
    now: datetime,
) -> EdgeOutlook:
    fires = meant(upstream, match, nominals, now, calendars)
    first = next((fire.nominal for fire in fires if fire.count), None)
    if first is None and match.type in (MatchType.SAME, MatchType.ALL_IN):
        first = meeting(definition.trigger, upstream, match, now, calendars)
    return EdgeOutlook(job=job, match=match, fires=fires, first_match=first)


def _key(text: str) -> JobId | str:
    try:
        return JobId(UUID(text))
    except ValueError:
        return text
