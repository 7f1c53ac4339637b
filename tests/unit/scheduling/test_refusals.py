"""What this context refuses: stable codes, and sentences that name the facts."""

from __future__ import annotations

import pytest

from domain.scheduling import errors
from domain.shared.errors import Conflict, DomainError, Invalid, NotFound
from tests.builders import TASK_ID, uid

REFUSALS: list[tuple[DomainError, type[DomainError], str, list[str]]] = [
    (errors.JobNotFound("backup"), NotFound, "JOB_NOT_FOUND", ["'backup'"]),
    (errors.TaskNotFound(TASK_ID), NotFound, "TASK_NOT_FOUND", [str(TASK_ID)]),
    (errors.RunNotFound("r"), NotFound, "RUN_NOT_FOUND", ["'r'"]),
    (errors.RunCancelled(uid(4), "wrong day"), Conflict, "RUN_CANCELLED", [str(uid(4)), "wrong day"]),
    (errors.ExecutorNotFound("worker-1"), NotFound, "EXECUTOR_NOT_FOUND", ["'worker-1'"]),
    (errors.JobNameTaken("backup"), Conflict, "JOB_NAME_TAKEN", ["'backup'"]),
    (errors.JobUnreadable("backup", "No zone."), Conflict, "JOB_UNREADABLE", ["'backup'", "No zone.", "deleted"]),
    (errors.StaleVersion("Job 'backup'"), Conflict, "STALE_VERSION", ["Job 'backup'", "again"]),
    (errors.IllegalJobState("b", "PAUSED", "pause", ["resume"]), Conflict, "ILLEGAL_STATE", ["PAUSED", "resume"]),
    (errors.IllegalTransition(uid(3), "FAILED", "CANCELLED"), Conflict, "ILLEGAL_STATE", ["FAILED", "CANCELLED"]),
    (errors.VersionMismatch("backup", 7), Conflict, "VERSION_MISMATCH", ["'backup'", "7"]),
    (errors.IllegalTaskState(TASK_ID, "FAILED", "start", ["retry"]), Conflict, "ILLEGAL_STATE", ["FAILED", "retry"]),
    (errors.LeaseLost(TASK_ID, "worker-1", "nobody does"), Conflict, "LEASE_LOST", ["'worker-1'", "nobody does"]),
    (errors.UniqueKeyTaken("k"), Conflict, "UNIQUE_KEY_TAKEN", ["'k'"]),
    (errors.TaskNotHeld(TASK_ID, "PENDING"), NotFound, "TASK_NOT_HELD", [str(TASK_ID), "PENDING"]),
    (errors.ExecutorUnavailable("worker-1", "OFFLINE"), Conflict, "EXECUTOR_UNAVAILABLE", ["'worker-1'", "OFFLINE"]),
    (errors.ExecutorUnable("worker-1", "HTTP", None), Conflict, "EXECUTOR_UNABLE", ["'worker-1'", "HTTP"]),
    (errors.Overlapping("backup", 2), Conflict, "OVERLAP", ["'backup'", "2", "SKIP"]),
    (errors.AlreadyFired("2031-05-06T12:00:00Z"), Conflict, "ALREADY_FIRED", ["2031-05-06T12:00:00Z"]),
    (errors.SessionSuperseded("worker-1", 1, 2), Conflict, "SUPERSEDED", ["'worker-1'", "1", "2"]),
    (errors.SessionEnded("worker-1", "it left"), Conflict, "SESSION_ENDED", ["'worker-1'", "it left"]),
    (errors.ExecutorDeactivated("worker-1", "disk"), Conflict, "EXECUTOR_DEACTIVATED", ["'worker-1'", "disk"]),
    (errors.OtherCount(2, 3), Conflict, "OTHER_COUNT", ["3 tasks", "not 2"]),
    (errors.TooManyAtOnce(30, 20), Conflict, "TOO_MANY_AT_ONCE", ["30 tasks", "20", "Narrow"]),
    (errors.DependencyCircle(["a", "b", "a"]), Invalid, "DEPENDENCY_CIRCLE", ["a → b → a"]),
    (errors.JobHasDependents("a", ["b"]), Conflict, "JOB_HAS_DEPENDENTS", ["'a'", "'b'"]),
    (errors.UnknownJobType("SHELL", ["COMMAND"]), Invalid, "UNKNOWN_JOB_TYPE", ["'SHELL'", "COMMAND"]),
]


@pytest.mark.parametrize(("refusal", "family", "code", "facts"), REFUSALS, ids=[r[2] for r in REFUSALS])
def test_a_refusal_has_its_family_its_code_and_its_facts(
    refusal: DomainError, family: type[DomainError], code: str, facts: list[str]
) -> None:
    assert isinstance(refusal, family)
    assert refusal.code == code
    assert all(fact in str(refusal) for fact in facts)
    assert str(refusal).endswith((".", ")"))


def test_every_refusal_of_the_context_is_tried_here() -> None:
    own = {kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__}
    assert own == {type(refusal) for refusal, *_ in REFUSALS}
