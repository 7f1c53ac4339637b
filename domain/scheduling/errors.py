"""What this context refuses, each with its facts and a stable code."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.shared.errors import Conflict, FieldProblem, Invalid, NotFound


class JobNotFound(NotFound):
    """There is no job of that id or name; it may have been deleted."""

    code = "JOB_NOT_FOUND"

    def __init__(self, job: UUID | str) -> None:
        super().__init__(f"There is no job {str(job)!r}. List the jobs to see their names and ids.")


class TaskNotFound(NotFound):
    """There is no task of that id; its history may have been cleared away."""

    code = "TASK_NOT_FOUND"

    def __init__(self, task: UUID | str) -> None:
        super().__init__(f"There is no task {task}.")


class RunNotFound(NotFound):
    """There is no run of that id; its history may have been cleared away."""

    code = "RUN_NOT_FOUND"

    def __init__(self, run: UUID | str) -> None:
        super().__init__(f"There is no run {str(run)!r}. A run has the id of the task that it began with.")


class RunCancelled(Conflict):
    """Nothing more comes of a run that was cancelled, so that what depends on its tasks cannot be taken up again."""

    code = "RUN_CANCELLED"

    def __init__(self, run: UUID, why: str) -> None:
        super().__init__(
            f"Run {run} was cancelled ({why}): nothing that depends on its tasks runs any more. Retry the task alone,"
            " or start the run anew."
        )


class ExecutorNotFound(NotFound):
    """No executor has registered under that id."""

    code = "EXECUTOR_NOT_FOUND"

    def __init__(self, executor: str) -> None:
        super().__init__(f"There is no executor {executor!r}.")


class JobNameTaken(Conflict):
    """Another job has the name; names are unique within a tenant."""

    code = "JOB_NAME_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Another job is named {name!r}. Names are unique within a tenant; choose another or update that job."
        )
        self.name = name


class StaleVersion(Conflict):
    """It changed while the request was being worked on; read it again and repeat."""

    code = "STALE_VERSION"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} changed while this request was being worked on. Read it again and repeat the request."
        )


class JobUnreadable(Conflict):
    """The stored definition means nothing to this server, as when its time zone data lack a zone; the data are kept."""

    code = "JOB_UNREADABLE"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"The stored definition of job {name!r} cannot be used by this server: {why} It can be paused, disabled,"
            " deleted, or applied anew as a whole."
        )


class VersionMismatch(Conflict):
    """The job is not any more as its caller has seen it (`If-Match`)."""

    code = "VERSION_MISMATCH"

    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"Job {name!r} has version {version} by now. Read it again before you change it.")
        self.version = version


class IllegalJobState(Conflict):
    """What was asked for cannot be done in the present state; `allowedActions` says what can."""

    code = "ILLEGAL_STATE"

    def __init__(self, name: str, status: str, action: str, allowed: Sequence[str]) -> None:
        can = f"It allows: {', '.join(allowed)}." if allowed else "It allows nothing more."
        super().__init__(f"Job {name!r} is {status}; it cannot {action}. {can}")
        self.current_status = status
        self.allowed_actions = tuple(allowed)


class IllegalTransition(Conflict):
    code = "ILLEGAL_STATE"

    def __init__(self, task_id: UUID, current: str, target: str, allowed: Sequence[str] = ()) -> None:
        super().__init__(f"Task {task_id} is {current}; it cannot become {target}.")
        self.current_status = current
        self.allowed_actions = tuple(allowed)


class IllegalTaskState(Conflict):
    code = "ILLEGAL_STATE"

    def __init__(self, task_id: UUID, status: str, action: str, allowed: Sequence[str]) -> None:
        can = f"It allows: {', '.join(allowed)}." if allowed else "It allows nothing until it has stopped."
        super().__init__(f"Task {task_id} is {status}; it cannot {action}. {can}")
        self.current_status = status
        self.allowed_actions = tuple(allowed)


class LeaseLost(Conflict):
    """Only the executor that holds a task may report on it, and only under the token of its present attempt."""

    code = "LEASE_LOST"

    def __init__(
        self, task_id: UUID, executor: str, why: str, status: str | None = None, allowed: Sequence[str] = ()
    ) -> None:
        super().__init__(f"Executor {executor!r} does not hold task {task_id}: {why}.")
        self.current_status = status
        self.allowed_actions = tuple(allowed)


class Overlapping(Conflict):
    """An earlier task of the job is unfinished, and its overlap policy lets no other one run or wait."""

    code = "OVERLAP"

    def __init__(self, name: str, live: int, policy: str = "SKIP") -> None:
        super().__init__(
            f"Job {name!r} still has {live} unfinished task(s) and its overlap policy is {policy}, so this run does not"
            " take place, which the ledger says. Wait for them, cancel them, or run with another overlap policy."
        )


class AlreadyFired(Conflict):
    """The ledger has this fire already."""

    code = "ALREADY_FIRED"

    def __init__(self, fire_key: str) -> None:
        super().__init__(f"The fire {fire_key!r} is in the ledger already.")


class SessionSuperseded(Conflict):
    """Another process has registered under the executor's id; this one has to end."""

    code = "SUPERSEDED"

    def __init__(self, executor: str, epoch: int, current: int) -> None:
        super().__init__(
            f"Session {epoch} of executor {executor!r} was replaced by session {current}: another process registered"
            " under the same id. Stop this one or give it an id of its own."
        )


class SessionEnded(Conflict):
    """The platform has given the executor's session up; it has to stop what runs and register again."""

    code = "SESSION_ENDED"

    def __init__(self, executor: str, reason: str) -> None:
        super().__init__(
            f"The session of executor {executor!r} has ended ({reason}). Register again with a new instanceId."
        )


class ExecutorDeactivated(Conflict):
    """The executor was deactivated and may not register until somebody activates it."""

    code = "EXECUTOR_DEACTIVATED"

    def __init__(self, executor: str, reason: str) -> None:
        super().__init__(
            f"Executor {executor!r} was deactivated ({reason}). It may register again once it is activated."
        )
        self.current_status = "OFFLINE"
        self.allowed_actions = ("activate",)


class UniqueKeyTaken(Conflict):
    """Another live task has the unique key that this one would have."""

    code = "UNIQUE_KEY_TAKEN"

    def __init__(self, key: str | None) -> None:
        named = "its unique key" if key is None else f"the unique key {key!r}"
        super().__init__(f"Another live task has {named}. Wait until that one has ended.")


class TaskNotHeld(NotFound):
    """No executor holds the task at the moment."""

    code = "TASK_NOT_HELD"

    def __init__(self, task: UUID, status: str) -> None:
        super().__init__(f"No executor holds task {task}: it is {status}.")


class ExecutorUnavailable(Conflict):
    """The executor is not ONLINE, so it takes no new tasks."""

    code = "EXECUTOR_UNAVAILABLE"

    def __init__(self, executor: str, status: str) -> None:
        super().__init__(f"Executor {executor!r} is {status}; only one that is ONLINE takes new tasks.")
        self.current_status = status
        self.allowed_actions = ("activate",) if status == "DRAINING" else ()


class ExecutorUnable(Conflict):
    """The executor has not registered for this kind of work."""

    code = "EXECUTOR_UNABLE"

    def __init__(self, executor: str, type_: str, handler: str | None) -> None:
        work = f"{type_} tasks" if handler is None else f"{type_} tasks with handler {handler!r}"
        super().__init__(f"Executor {executor!r} does not run {work}. Choose one that has registered for them.")


class DependencyCircle(Invalid):
    """A dependency would close a circle: each job in it would wait for itself, and none would ever run."""

    code = "DEPENDENCY_CIRCLE"

    def __init__(self, names: Sequence[str]) -> None:
        way = " → ".join(names)
        detail = f"This would close a circle: {way}. Each runs before the next; take one of these dependencies away."
        super().__init__(FieldProblem("/dependencies", "DEPENDENCY_CIRCLE", detail))


class JobHasDependents(Conflict):
    """Other jobs depend on the job; without it they would wait for what never comes."""

    code = "JOB_HAS_DEPENDENTS"

    def __init__(self, name: str, dependents: Sequence[str]) -> None:
        shown = ", ".join(map(repr, dependents[:5])) + (f" and {len(dependents) - 5} more" if dependents[5:] else "")
        super().__init__(
            f"Job {name!r} cannot be deleted: {shown} depend on it. Change or delete these first, or disable it."
        )


class UnknownJobType(Invalid):
    """No job type of that name is installed at the server."""

    code = "UNKNOWN_JOB_TYPE"

    def __init__(self, type_: str, known: Sequence[str]) -> None:
        super().__init__(
            FieldProblem("/type", "UNKNOWN_JOB_TYPE", f"Job type {type_!r} is not known. Known: {', '.join(known)}.")
        )


class OtherCount(Conflict):
    """There are not as many as the caller expects; what they are should be looked at again before anything is done."""

    code = "OTHER_COUNT"

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(
            f"{found} tasks match, not {expected}. Nothing was done; look at them again and say how many you expect."
        )


class TooManyAtOnce(Conflict):
    """More than one call takes; a narrower selection is needed."""

    code = "TOO_MANY_AT_ONCE"

    def __init__(self, found: int, most: int) -> None:
        super().__init__(f"{found} tasks match; one call takes {most} at most. Narrow it by `since` and `until`.")
