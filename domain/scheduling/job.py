"""A job: what to run, when, where, and what to do when that goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from domain.scheduling.coming_change import ChangeComing, check_effective_from
from domain.scheduling.dependency import Dependencies
from domain.scheduling.errors import IllegalJobState, JobUnreadable, VersionMismatch
from domain.scheduling.events import (
    JobActivated,
    JobCreated,
    JobDeleted,
    JobDisabled,
    JobEvent,
    JobPaused,
    JobResumed,
    JobUpdated,
)
from domain.scheduling.ids import JobId
from domain.scheduling.job_name import name_problems
from domain.scheduling.job_type import JobTypes
from domain.scheduling.limits import NO_LIMITS, Limits
from domain.scheduling.place_rules import key_place_problems, place_problems
from domain.scheduling.placement import Lane, Placement
from domain.scheduling.policies import FiringPolicy, Timeouts
from domain.scheduling.priority import NORMAL, Priority
from domain.scheduling.retry import RetryPolicy
from domain.shared.aggregate import Aggregate
from domain.shared.errors import FieldProblem, raise_all
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonObject, same_json
from domain.shared.text import control_characters
from domain.timing.trigger import Trigger
from domain.timing.triggers.manual import ManualTrigger


class JobStatus(StrEnum):
    """CREATED → ACTIVE ⇄ PAUSED; any of these → DISABLED; DISABLED → ACTIVE. DELETED keeps only the history."""

    CREATED = "CREATED"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    DISABLED = "DISABLED"
    DELETED = "DELETED"


ALLOWED_ACTIONS: Mapping[JobStatus, tuple[str, ...]] = MappingProxyType(
    {
        JobStatus.CREATED: ("activate", "disable", "update", "delete"),
        JobStatus.ACTIVE: ("pause", "disable", "trigger", "skip", "update", "delete"),
        JobStatus.PAUSED: ("resume", "disable", "trigger", "skip", "update", "delete"),
        JobStatus.DISABLED: ("activate", "update", "delete"),
        JobStatus.DELETED: (),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDefinition:
    """All that a user says about a job. Valid by construction, but for what only the registry of types knows."""

    name: str
    type: str
    description: str = ""
    handler: str | None = None
    parameters: JsonObject = field(default_factory=dict)
    trigger: Trigger = field(default_factory=ManualTrigger)
    priority: Priority = NORMAL
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeouts: Timeouts = field(default_factory=Timeouts)
    firing: FiringPolicy = field(default_factory=FiringPolicy)
    placement: Placement = field(default_factory=Placement)
    dependencies: Dependencies = field(default_factory=Dependencies)
    limits: Limits = NO_LIMITS
    tags: tuple[str, ...] = ()
    owner: str | None = None

    def __post_init__(self) -> None:
        problems = list(name_problems(self.name))
        if len(self.description) > 4000:
            problems.append(FieldProblem("/description", "TOO_LONG", "A description has at most 4000 characters."))
        if len(self.tags) > 50 or any(not 1 <= len(tag) <= 128 for tag in self.tags):
            problems.append(FieldProblem("/tags", "INVALID_TAGS", "At most 50 tags of 1 to 128 characters each."))
        problems += control_characters("/tags", self.tags)
        problems += control_characters("/handler", [self.handler or ""])
        problems += control_characters("/owner", [self.owner or ""])
        problems += self.dependencies.problems(self.name, self.trigger.kind)
        if not (self.trigger.patterns or isinstance(self.trigger, ManualTrigger)):
            problems += self.limits.missing(self.parameters)  # nobody gives its runs others
        if self.firing.overlap.takes_turns and self.limits.concurrency is not None:
            detail = (
                f"With overlap {self.firing.overlap} one task runs at a time; leave concurrency out, or ALLOW overlap."
            )
            problems.append(FieldProblem("/concurrency", "OVERLAP_TAKES_TURNS", detail))
        raise_all(problems)

    def check(self, types: JobTypes) -> None:
        """Raises `UnknownJobType`, or `Invalid` when handler or parameters do not fit the type."""
        type_ = types.named(self.type)
        problems = list(type_.check(self.parameters))
        found = place_problems(self.parameters, self.trigger, type_, self.dependencies)
        problems += [each.under("/parameters") for each in found]
        problems += key_place_problems(self.parameters, self.limits)
        if type_.needs_handler and not self.handler:
            problems.append(FieldProblem("/handler", "HANDLER_MISSING", f"A {self.type} job must name its handler."))
        if self.handler and not type_.needs_handler:
            problems.append(FieldProblem("/handler", "HANDLER_UNUSED", f"A {self.type} job has no handler."))
        raise_all(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingChange:
    """What a job will be from `effective_from` on; `by` has said so."""

    effective_from: datetime
    definition: JobDefinition
    by: str


@dataclass(eq=False, slots=True, kw_only=True)
class Job(Aggregate):
    """The aggregate. Firing never touches it; its schedule is a row of its own.

    `unreadable`: why its stored definition cannot be used; then `definition` says no more than what the job is called.
    """

    id: JobId
    tenant: TenantId
    definition: JobDefinition
    definition_version: int
    status: JobStatus
    status_reason: str | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    unreadable: str | None = None
    coming: ComingChange | None = None

    @classmethod
    def create(cls, id_: JobId, tenant: TenantId, definition: JobDefinition, by: str, now: datetime) -> Job:
        """A new job: CREATED, fires only after `activate`."""
        job = cls(
            id=id_,
            tenant=tenant,
            definition=definition,
            definition_version=1,
            status=JobStatus.CREATED,
            status_reason=None,
            created_at=now,
            created_by=by,
            updated_at=now,
            updated_by=by,
        )
        job._say(JobCreated, now)
        return job

    @property
    def lane(self) -> Lane:
        """Where its tasks wait."""
        d = self.definition
        return Lane.of(self.tenant, d.type, d.handler, d.placement)

    @property
    def allowed_actions(self) -> tuple[str, ...]:
        """What may be done to it now."""
        return ALLOWED_ACTIONS[self.status]

    def redefine(self, definition: JobDefinition, by: str, now: datetime) -> bool:
        """Take a new definition as the next version. False, and nothing happens, when it says the same."""
        self._require("update")
        if self.coming is not None:
            raise ChangeComing(self.definition.name, self.coming.effective_from)
        is_known = self.unreadable is None
        if is_known and definition == self.definition and same_json(definition.parameters, self.definition.parameters):
            return False
        self.definition, self.definition_version = definition, self.definition_version + 1
        self.unreadable = None
        self.updated_at, self.updated_by = now, by
        self._say(JobUpdated, now)
        return True

    def announce(self, definition: JobDefinition, at: datetime, by: str, now: datetime) -> bool:
        """Be this from `at` on, instead of what was announced before. False, and nothing happens, if it is so already.

        Raises `Invalid` for an instant that cannot be.
        """
        self._require("update")
        check_effective_from(at, now)
        change = ComingChange(effective_from=at, definition=definition, by=by)
        if self.coming is not None and replace(self.coming, by=by) == change:
            return False
        self.coming = change
        self.updated_at, self.updated_by = now, by
        return True

    def withdraw(self, by: str, now: datetime) -> bool:
        """Stay as it is. False if nothing was announced."""
        if self.coming is None:
            return False
        self.coming = None
        self.updated_at, self.updated_by = now, by
        return True

    def take_effect(self, now: datetime) -> ComingChange | None:
        """Become what was announced, if its time has come; what that was."""
        change = self.coming
        if change is None or change.effective_from > now:
            return None
        self.coming = None
        self.redefine(change.definition, change.by, now)
        return change

    def activate(self, by: str, now: datetime) -> bool:
        """From CREATED or DISABLED. False when it already is ACTIVE. Raises `JobUnreadable`."""
        self.require_readable()
        return self._become(JobStatus.ACTIVE, "activate", JobActivated, None, by, now)

    def pause(self, reason: str | None, by: str, now: datetime) -> bool:
        """Only from ACTIVE; created tasks go on. False when it already is PAUSED."""
        return self._become(JobStatus.PAUSED, "pause", JobPaused, reason, by, now)

    def resume(self, by: str, now: datetime) -> bool:
        """Only from PAUSED; what it missed is not caught up. False when it already is ACTIVE.

        Raises `JobUnreadable`.
        """
        self.require_readable()
        return self._become(JobStatus.ACTIVE, "resume", JobResumed, None, by, now)

    def disable(self, reason: str, by: str, now: datetime) -> bool:
        """From any state but DELETED, with a reason. False when it already is DISABLED."""
        return self._become(JobStatus.DISABLED, "disable", JobDisabled, reason, by, now)

    def delete(self, by: str, now: datetime) -> None:
        """A soft delete: its history stays readable, its name is free again."""
        self._become(JobStatus.DELETED, "delete", JobDeleted, None, by, now)
        self.coming = None

    def require_runnable(self) -> None:
        """Whether somebody may ask for a run now. Raises `IllegalJobState` unless ACTIVE or PAUSED."""
        self._require("trigger")

    def require_planned(self) -> None:
        """Whether it has fires to come. Raises `IllegalJobState` unless ACTIVE or PAUSED."""
        self._require("skip")

    def require_readable(self) -> None:
        """Whether its definition is known. Raises `JobUnreadable`."""
        if self.unreadable is not None:
            raise JobUnreadable(self.definition.name, self.unreadable)

    def require_version(self, versions: frozenset[int] | None) -> None:
        """Whether it is as its caller has seen it; None = any version will do. Raises `VersionMismatch`."""
        if versions is not None and self.version not in versions:
            raise VersionMismatch(self.definition.name, self.version)

    def _become(
        self, status: JobStatus, action: str, event: type[JobEvent], reason: str | None, by: str, now: datetime
    ) -> bool:
        if self.status is status:
            return False
        self._require(action)
        self.status, self.status_reason = status, reason
        self.updated_at, self.updated_by = now, by
        self._say(event, now, reason)
        return True

    def _require(self, action: str) -> None:
        if action not in self.allowed_actions:
            raise IllegalJobState(self.definition.name, self.status, action, self.allowed_actions)

    def _say(self, event: type[JobEvent], now: datetime, reason: str | None = None) -> None:
        self._record(
            event(
                occurred_at=now,
                job_id=self.id,
                job_name=self.definition.name,
                version=self.definition_version,
                reason=reason,
            )
        )
