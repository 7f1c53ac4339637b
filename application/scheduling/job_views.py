"""A job that is not stored, as readers would see it."""

from __future__ import annotations

import msgspec

from application.scheduling.documents import complete
from application.scheduling.job_mapping import document_of
from application.scheduling.views import ComingChangeView, JobView
from domain.scheduling.job import ComingChange, Job
from domain.scheduling.schedule import Schedule


def view_of(job: Job, schedule: Schedule) -> JobView:
    """Without what only the past knows: when it last fired, and whether its schedule could be decided."""
    document = document_of(job.definition)
    return JobView(
        id=job.id,
        name=document.name,
        type=document.type,
        status=job.status,
        status_reason=job.status_reason,
        description=document.description,
        handler=document.handler,
        parameters=msgspec.Raw(msgspec.json.encode(document.parameters)),
        trigger=complete(document.trigger),
        priority=int(job.definition.priority),
        retry=complete(document.retry),
        timeouts=complete(document.timeouts),
        overlap=document.overlap,
        misfire=complete(document.misfire),
        placement=complete(document.placement),
        dependencies=complete(document.dependencies),
        dependency_policy=complete(document.dependency_policy),
        concurrency=complete(document.concurrency),
        rate_limit=complete(document.rate_limit),
        fairness=complete(document.fairness),
        tags=document.tags,
        owner=document.owner,
        version=job.version,
        next_fire_at=schedule.next_fire_at,
        last_fire_at=None,
        exhausted=_is_exhausted(job, schedule),
        health_error=job.unreadable,
        created_at=job.created_at,
        created_by=job.created_by,
        updated_at=job.updated_at,
        updated_by=job.updated_by,
        coming_change=_coming(job.coming),
    )


def _is_exhausted(job: Job, schedule: Schedule) -> bool:
    has_ended = schedule.exhausted and not schedule.upcoming and schedule.changes_at is None
    return has_ended and job.definition.trigger.by_clock


def _coming(change: ComingChange | None) -> ComingChangeView | None:
    if change is None:
        return None
    definition = complete(document_of(change.definition))
    return ComingChangeView(effective_from=change.effective_from, definition=definition, by=change.by)
