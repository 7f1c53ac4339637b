"""Every error of the domain has its place in the table of statuses."""

from __future__ import annotations

import inspect
from uuid import UUID

import pytest

from application.shared.errors import StoreUnavailable
from domain.scheduling import errors as scheduling
from domain.scheduling.errors import IllegalJobState, JobNotFound, StaleVersion
from domain.shared.errors import Conflict, DomainError, FieldProblem, Forbidden, Invalid
from interfaces.rest.errors import STATUS_OF_FAMILY, problem_of
from interfaces.rest.openapi.problem_codes import problem_codes


@pytest.mark.parametrize(
    ("error", "status", "retryable"),
    [
        (JobNotFound("a"), 404, False),
        (Conflict("no"), 409, False),
        (StaleVersion("Job 'a'"), 409, True),
        (Invalid(FieldProblem("/a", "WRONG", "a is wrong.")), 422, False),
        (Invalid(FieldProblem("/a", "MALFORMED", "a is no number.")), 400, False),
        (Forbidden("no"), 403, False),
        (StoreUnavailable("gone"), 503, True),
    ],
)
def test_a_family_has_its_status(error: DomainError | StoreUnavailable, status: int, retryable: bool) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.retryable) == (status, retryable)
    assert problem.detail.removesuffix(" Repeat the request in a moment.") == str(error)
    assert problem.detail.endswith("in a moment.") == isinstance(error, StoreUnavailable)


@pytest.mark.parametrize("error", [e for _, e in inspect.getmembers(scheduling, inspect.isclass)])
def test_each_error_is_of_a_family(error: type) -> None:
    if issubclass(error, DomainError):
        assert any(issubclass(error, family) for family in STATUS_OF_FAMILY)


def test_a_conflict_of_states_says_what_is_and_what_may_be() -> None:
    problem = problem_of(IllegalJobState("a", "ACTIVE", "resume", ("pause",)))
    assert (problem.current_status, problem.allowed_actions) == ("ACTIVE", ("pause",))


def test_all_wrong_fields_are_listed_with_their_pointers_and_offsets() -> None:
    first, second = FieldProblem("/a", "X", "a is wrong.", 3), FieldProblem("/b", "Y", "b is wrong.")
    problem = problem_of(Invalid(first, second))
    assert [(e.pointer, e.code, e.detail) for e in problem.errors] == [
        ("/a", "X", "a is wrong."),
        ("/b", "Y", "b is wrong."),
    ]
    assert problem.errors[0].offset == 3
    assert problem.detail == "a is wrong. b is wrong."


def test_codes_are_listed_once_each_by_status() -> None:
    codes = problem_codes()
    assert len({code for code, _, _ in codes}) == len(codes)
    assert [status for _, status, _ in codes] == sorted(status for _, status, _ in codes)
    assert all(meaning for _, _, meaning in codes)


def test_an_id_in_a_message_is_readable() -> None:
    assert "01a202e0" in problem_of(JobNotFound(UUID("01a202e0-f769-70cd-bf55-249f8e2bfdd5"))).detail
