"""What this context refuses, each with its facts and a stable code."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.shared.errors import Conflict, FieldProblem, Invalid, NotFound


class JobNotFound(NotFound):
    code = "JOB_NOT_FOUND"

    def __init__(self, job: UUID | str) -> None:
        super().__init__(f"There is no job {str(job)!r}. List the jobs to see their names and ids.")


class TaskNotFound(NotFound):
    code = "TASK_NOT_FOUND"

    def __init__(self, task: UUID | str) -> None:
        super().__init__(f"There is no task {task}.")


class ExecutorNotFound(NotFound):
    code = "EXECUTOR_NOT_FOUND"

    def __init__(self, executor: str) -> None:
        super().__init__(f"There is no executor {executor!r}.")


class JobNameTaken(Conflict):
    code = "JOB_NAME_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Another job is named {name!r}. Names are unique within a tenant; choose another or update that job."
        )
        self.name = name


class StaleVersion(Conflict):
    code = "STALE_VERSION"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} changed while this request was being worked on. Read it again and repeat the request."
        )


class IllegalJobState(Conflict):
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
    code = "OVERLAP"

    def __init__(self, name: str, live: int) -> None:
        super().__init__(
            f"Job {name!r} still has {live} unfinished task(s) and its overlap policy is SKIP, so this run was skipped"
            " and noted in the ledger. Wait for it, cancel it, or run with overlap ALLOW."
        )


class AlreadyFired(Conflict):
    code = "ALREADY_FIRED"

    def __init__(self, fire_key: str) -> None:
        super().__init__(f"The fire {fire_key!r} is in the ledger already.")


class SessionSuperseded(Conflict):
    code = "SUPERSEDED"

    def __init__(self, executor: str, epoch: int, current: int) -> None:
        super().__init__(
            f"Session {epoch} of executor {executor!r} was replaced by session {current}: another process registered"
            " under the same id. Stop this one or give it an id of its own."
        )


class SessionEnded(Conflict):
    code = "SESSION_ENDED"

    def __init__(self, executor: str, reason: str) -> None:
        super().__init__(
            f"The session of executor {executor!r} has ended ({reason}). Register again with a new instanceId."
        )


class ExecutorDeactivated(Conflict):
    code = "EXECUTOR_DEACTIVATED"

    def __init__(self, executor: str, reason: str) -> None:
        super().__init__(
            f"Executor {executor!r} was deactivated ({reason}). It may register again once it is activated."
        )
        self.current_status = "OFFLINE"
        self.allowed_actions = ("activate",)


class ExecutorUnavailable(Conflict):
    code = "EXECUTOR_UNAVAILABLE"

    def __init__(self, executor: str, status: str) -> None:
        super().__init__(f"Executor {executor!r} is {status}; only one that is ONLINE takes new tasks.")
        self.current_status = status
        self.allowed_actions = ("activate",) if status == "DRAINING" else ()


class ExecutorUnable(Conflict):
    code = "EXECUTOR_UNABLE"

    def __init__(self, executor: str, type_: str, handler: str | None) -> None:
        work = f"{type_} tasks" if handler is None else f"{type_} tasks with handler {handler!r}"
        super().__init__(f"Executor {executor!r} does not run {work}. Choose one that has registered for them.")


class UnknownJobType(Invalid):
    code = "UNKNOWN_JOB_TYPE"

    def __init__(self, type_: str, known: Sequence[str]) -> None:
        super().__init__(
            FieldProblem("/type", "UNKNOWN_JOB_TYPE", f"Job type {type_!r} is not known. Known: {', '.join(known)}.")
        )
