"""Jobs: defining, changing, starting and stopping them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from application.scheduling.apply_order import name_in, upstreams_first
from application.scheduling.ending_others import end_tasks_before, tell_ended
from application.scheduling.filling import fill_without_event
from application.scheduling.fire_difference import FireDifference, Standing
from application.scheduling.job_document import JobChanges, JobDocument, decode_document, merged
from application.scheduling.job_mapping import JobDefaults, definition_of, document_of
from application.scheduling.job_planning import JobPlanning
from application.scheduling.job_terms import AS_IT_IS, Terms
from application.scheduling.metrics import UNCOUNTED, Metrics
from application.scheduling.ports import BeginWork, SchedulingWork
from application.scheduling.recording import write_up_manual
from application.scheduling.task_keys import asked_keys
from application.scheduling.upstream_filling import fill_without_upstreams
from application.shared.errors import StoreUnavailable
from application.shared.ids import Ids
from application.shared.principal import Principal
from application.shared.wake_up import OPENINGS, WakeUp, executor_topic, lane_topic
from domain.scheduling.errors import Overlapping
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.job import Job, JobDefinition, JobStatus
from domain.scheduling.job_type import JobTypes
from domain.scheduling.occurrence import manual_fire_key
from domain.scheduling.overlap import judge_overlap
from domain.scheduling.policies import OverlapPolicy
from domain.scheduling.task import Origin
from domain.shared.errors import DomainError
from domain.shared.json_value import JsonText

COMPARED_DAYS = 7
"""How far a dry run compares fires, unless it says otherwise."""

JobKey = JobId | str
"""A job's id or its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of one document: CREATED, UPDATED, UNCHANGED, or FAILED with the problem."""

    name: str
    action: str
    job_id: JobId | None = None
    next_fire_at: datetime | None = None
    problem: DomainError | None = None
    fires: FireDifference | None = None
    """What becomes of its fires, in a dry run."""


class JobManagementService:
    """Every method is one unit of work; a refused one changes nothing."""

    def __init__(
        self,
        begin: BeginWork,
        ids: Ids,
        types: JobTypes,
        planning: JobPlanning,
        wake_up: WakeUp,
        defaults: JobDefaults,
        metrics: Metrics = UNCOUNTED,
    ) -> None:
        self._begin = begin
        self._ids = ids
        self._types = types
        self._planning = planning
        self._wake_up = wake_up
        self._defaults = defaults
        self._metrics = metrics

    async def create(self, principal: Principal, document: JobDocument, terms: Terms = AS_IT_IS) -> JobId:
        """A new job, active at once if the document says so. Raises `Invalid`, `JobNameTaken`."""
        definition = self._definition(document)
        async with self._begin() as work:
            job = await self._planning.add(work, principal, definition, active=document.active)
            kept = await terms.keep(work, job)
        if kept:
            self._planning.committed(job)
        return job.id

    async def replace_fields(
        self, principal: Principal, key: JobKey, changes: JobChanges, terms: Terms = AS_IT_IS
    ) -> JobId:
        """Change what `changes` names and make a new version if that says anything new.

        Raises `JobNotFound`, `Invalid`, `VersionMismatch`.
        """
        return await self._redefine(principal, key, changes.applied_to, terms)

    async def merge(
        self, principal: Principal, key: JobKey, patch: Mapping[str, object], terms: Terms = AS_IT_IS
    ) -> JobId:
        """Merge `patch` into the job's document (RFC 7396): null removes, so that the default counts again.

        Raises `JobNotFound`, `Invalid`, `VersionMismatch`.
        """
        return await self._redefine(principal, key, lambda document: merged(document, patch), terms)

    async def _redefine(
        self, principal: Principal, key: JobKey, change: Callable[[JobDocument], JobDocument], terms: Terms
    ) -> JobId:
        async with self._begin() as work:
            job = await work.jobs.get(principal.tenant, key)
            terms.admit(job)
            await terms.look(work, job)
            definition = self._definition(change(document_of(job.definition)))
            if terms.effective_from is not None:
                changed = await self._planning.announce(work, job, definition, terms.effective_from, principal)
            else:
                changed = await self._take(work, job, definition, principal)
            kept = await terms.keep(work, job, changed=changed)
        if kept:
            self._planning.committed(job)
        return job.id

    async def _take(self, work: SchedulingWork, job: Job, definition: JobDefinition, principal: Principal) -> bool:
        anew = self._planning.begins_anew(definition, job.definition.trigger, work.now)
        changed = job.redefine(definition, principal.name, work.now)
        if changed:
            await self._planning.replan(work, job, job.status, anew=anew)
        return changed

    async def apply(self, principal: Principal, documents: Sequence[bytes], dry_run: bool = False) -> list[Applied]:
        """Make each job be as its document says, by name. Each stands alone: one that is refused holds up nobody."""
        applied = {p: await self._apply_one(principal, documents[p], dry_run) for p in upstreams_first(documents)}
        return [applied[place] for place in range(len(documents))]

    async def _apply_one(self, principal: Principal, text: bytes, dry_run: bool) -> Applied:
        try:
            document = decode_document(text)
            definition = self._definition(document)
            async with self._begin() as work:
                job = await work.jobs.find(principal.tenant, definition.name)
                before = None
                if dry_run and job is not None:
                    before = Standing.of(job, await work.schedules.take(job.id))
                if job is None:
                    action = "CREATED"
                    job = await self._planning.add(work, principal, definition, active=document.active)
                else:
                    anew = self._planning.begins_anew(definition, job.definition.trigger, work.now)
                    was = job.status
                    changed = job.redefine(definition, principal.name, work.now)
                    if document.active and job.status is JobStatus.CREATED:
                        changed = anew = job.activate(principal.name, work.now)
                    action = "UPDATED" if changed else "UNCHANGED"
                    if changed:
                        await self._planning.replan(work, job, was, anew=anew)
                schedule = await work.schedules.take(job.id)
                if not dry_run:
                    await work.commit()
                    fires = None
                else:
                    fires = self._planning.compare(before, Standing.of(job, schedule), work.now, COMPARED_DAYS)
        except StoreUnavailable:
            raise
        except DomainError as problem:
            return Applied(name=name_in(text), action="FAILED", problem=problem)
        if not dry_run:
            self._planning.committed(job)
        next_fire = schedule.next_fire_at if job.status is JobStatus.ACTIVE else None
        exists = action != "CREATED" or not dry_run
        return Applied(
            name=definition.name, action=action, job_id=job.id if exists else None, next_fire_at=next_fire, fires=fires
        )

    async def activate(
        self, principal: Principal, key: JobKey, _reason: str | None = None, terms: Terms = AS_IT_IS
    ) -> JobId:
        """Raises `JobNotFound`, `IllegalJobState`, `VersionMismatch`."""
        return await self._change(principal, key, lambda job, now: job.activate(principal.name, now), terms, anew=True)

    async def pause(
        self, principal: Principal, key: JobKey, reason: str | None = None, terms: Terms = AS_IT_IS
    ) -> JobId:
        """Raises `JobNotFound`, `IllegalJobState`, `VersionMismatch`."""
        return await self._change(principal, key, lambda job, now: job.pause(reason, principal.name, now), terms)

    async def resume(
        self, principal: Principal, key: JobKey, _reason: str | None = None, terms: Terms = AS_IT_IS
    ) -> JobId:
        """Raises `JobNotFound`, `IllegalJobState`, `VersionMismatch`."""
        return await self._change(principal, key, lambda job, now: job.resume(principal.name, now), terms)

    async def disable(self, principal: Principal, key: JobKey, reason: str, terms: Terms = AS_IT_IS) -> JobId:
        """Raises `JobNotFound`, `IllegalJobState`, `VersionMismatch`."""
        return await self._change(principal, key, lambda job, now: job.disable(reason, principal.name, now), terms)

    async def delete(
        self, principal: Principal, key: JobKey, *, cancel_live: bool = True, terms: Terms = AS_IT_IS
    ) -> JobId:
        """Delete it softly; its live tasks are cancelled, or finish if the caller wants. Raises `JobNotFound`."""
        async with self._begin() as work:
            job = await work.jobs.get(principal.tenant, key, even_unreadable=True)
            terms.admit(job)
            await terms.look(work, job)
            was = job.status
            job.delete(principal.name, work.now)
            await self._planning.replan(work, job, was)
            live = await work.tasks.live_of(principal.tenant, job.id) if cancel_live else ()
            for task in live:
                task.cancel("the job was deleted", work.now)
                await work.tasks.save(task)
            kept = await terms.keep(work, job)
        if not kept:
            return job.id
        self._metrics.settled([task.status for task in live])
        if live:
            self._wake_up.signal(OPENINGS)  # what a limit counted is free
        for task in live:
            if task.lease is not None:
                self._wake_up.signal(executor_topic(task.lease.executor_id))
        return job.id

    async def run_now(
        self,
        principal: Principal,
        key: JobKey,
        parameters: JsonText | None = None,
        overlap: OverlapPolicy | None = None,
    ) -> TaskId:
        """A run that somebody asks for; `overlap` overrides the job's policy.

        Raises `IllegalJobState`, `Overlapping`, `Invalid` for a policy that does not go with the job's.
        """
        task_id = TaskId(self._ids.new())
        async with self._begin() as work:
            job = await work.jobs.get(principal.tenant, key)
            job.require_runnable()
            parameters = fill_without_event(job.definition, parameters)
            parameters = fill_without_upstreams(job.definition, parameters)
            schedule = await work.schedules.take(job.id)
            policy = schedule.policy.overlap.overridden(overlap)
            verdict = judge_overlap(policy, schedule.live, schedule.waiting, is_last=True)
            written = write_up_manual(
                schedule,
                manual_fire_key(task_id),
                task_id,
                verdict,
                parameters,
                self._ids,
                work.now,
                asked_keys(job.definition.limits, job.definition.parameters, parameters),
            )
            await work.schedules.record(written.fired)
            ended = await end_tasks_before(work, [job.id], {task_id}) if policy.ends_others else ()
            work.record(written.events)
            await work.commit()
        tell_ended(self._wake_up, self._metrics, ended)
        if not verdict.decision.runs:
            raise Overlapping(job.definition.name, schedule.live, policy)
        self._metrics.created(Origin.MANUAL, 1)
        self._wake_up.signal(lane_topic(schedule.lane), 1)
        self._wake_up.signal(OPENINGS)  # or it waits at a limit, or for its turn
        return task_id

    async def _change(
        self,
        principal: Principal,
        key: JobKey,
        act: Callable[[Job, datetime], bool],
        terms: Terms,
        *,
        anew: bool = False,
    ) -> JobId:
        async with self._begin() as work:
            job = await work.jobs.get(principal.tenant, key, even_unreadable=True)
            terms.admit(job)
            await terms.look(work, job)
            was = job.status
            changed = act(job, work.now)
            if changed:
                await self._planning.replan(work, job, was, anew=anew)
            kept = await terms.keep(work, job, changed=changed)
        if kept:
            self._planning.committed(job)
        return job.id

    def check(self, document: JobDocument) -> None:
        """Whether a job could be defined like that, were its name free. Raises `Invalid`."""
        self._definition(document)

    def _definition(self, document: JobDocument) -> JobDefinition:
        definition = definition_of(document, self._defaults)
        definition.check(self._types)
        self._planning.check(definition)
        return definition
