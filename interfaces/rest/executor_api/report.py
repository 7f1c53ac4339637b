"""Reading reports: each one alone, so that what is wrong with one says so for that one only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from domain.scheduling.ids import TaskId
from domain.scheduling.report import Report, ReportKind
from domain.scheduling.settlement import ReportOutcome
from domain.scheduling.task import TaskError
from domain.shared.errors import FieldProblem, Invalid
from domain.shared.json_value import JsonText
from interfaces.rest.bodies import Body, read_json
from interfaces.rest.errors import problem_of
from interfaces.rest.executor_api.wire import Outcome, Token
from interfaces.rest.problem import Problem
from interfaces.rest.scheduling.log_stream import LogLevel

LARGEST_RESULT = 256 * 1024
LARGEST_LINE = 16 * 1024
"""Bytes of a result as JSON, and of a line's message."""

LONGEST_CODE = 128
LONGEST_MESSAGE = 16 * 1024
LONGEST_STACK = 64 * 1024
"""Characters of an error that are kept; what is longer is cut, for an attempt must be able to fail."""


NOT_STARTED = Problem.stating(
    409, "ILLEGAL_STATE", "The attempt was never started. Report START before its end, or claim with `started`."
)
"""The one thing for which a use case finds a well-formed report invalid."""


class ReportedError(Body, frozen=True, kw_only=True):
    """Why it failed."""

    code: str
    message: str
    stack: str | None = None


class Line(Body, frozen=True, kw_only=True):
    """A line of the log. `at` is the executor's time, `stream` for example stdout."""

    at: datetime
    level: LogLevel
    message: str
    stream: str | None = None


class ReportBody(Body, frozen=True, kw_only=True):
    """About the attempt that `token` names; which fields it has depends on `kind`.

    `result`: COMPLETE. `error` and `retryable`: FAIL. `lines` and `sequence` (from 1, numbers the LOG reports of a
    lease): LOG.
    """

    task_id: UUID
    token: Token
    kind: ReportKind
    at: datetime | None = None
    result: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    error: ReportedError | None = None
    retryable: bool = True
    lines: list[Line] | None = None
    sequence: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0


class _Named(msgspec.Struct, rename="camel"):
    task_id: UUID | None = None


_whole_batch = msgspec.json.Decoder(list[ReportBody]).decode


def read_reports(texts: Sequence[msgspec.Raw]) -> tuple[list[Report], dict[int, Outcome]]:
    """The valid reports in their order, and the outcomes of the others by their place."""
    try:
        bodies = _whole_batch(b"[" + b",".join(texts) + b"]")  # one by one takes twice as long
        return [_report(body) for body in bodies], {}
    except (msgspec.DecodeError, RecursionError, Invalid):
        return _one_by_one(texts)


def _one_by_one(texts: Sequence[msgspec.Raw]) -> tuple[list[Report], dict[int, Outcome]]:
    reports: list[Report] = []
    refused: dict[int, Outcome] = {}
    for place, text in enumerate(texts):
        try:
            reports.append(_report(read_json(bytes(text), ReportBody)))
        except Invalid as error:
            problem = problem_of(error)
            refused[place] = Outcome(task_id=_task_id(text), outcome=ReportOutcome.INVALID, problem=problem)
    return reports, refused


def outcomes_of(
    reports: Sequence[Report], outcomes: Sequence[ReportOutcome], refused: dict[int, Outcome]
) -> list[Outcome]:
    """All outcomes in the order in which the reports came."""
    known = iter(
        Outcome(task_id=r.task_id, outcome=o, problem=NOT_STARTED if o is ReportOutcome.INVALID else None)
        for r, o in zip(reports, outcomes, strict=True)
    )
    return [refused.get(place) or next(known) for place in range(len(reports) + len(refused))]


def _report(body: ReportBody) -> Report:
    task_id = TaskId(body.task_id)
    match body.kind:
        case ReportKind.COMPLETE:
            return Report(task_id=task_id, token=body.token, kind=body.kind, result=_result(body.result))
        case ReportKind.FAIL:
            error = _error(body.error)
            return Report(task_id=task_id, token=body.token, kind=body.kind, error=error, retryable=body.retryable)
        case ReportKind.LOG:
            lines = _lines(body.lines or [])
            return Report(task_id=task_id, token=body.token, kind=body.kind, lines=lines, sequence=body.sequence)
        case _:
            return Report(task_id=task_id, token=body.token, kind=body.kind)


def _result(result: msgspec.Raw) -> JsonText | None:
    text = bytes(result)
    if len(text) > LARGEST_RESULT:
        detail = f"The result has {len(text)} bytes, more than {LARGEST_RESULT}. Store it elsewhere and return where."
        raise Invalid(FieldProblem("/result", "RESULT_TOO_LARGE", detail))
    return None if text in (b"", b"null") else JsonText(text.decode())


def _error(error: ReportedError | None) -> TaskError | None:
    if error is None:
        return None
    stack = None if error.stack is None else error.stack[:LONGEST_STACK]
    return TaskError(error.code[:LONGEST_CODE], error.message[:LONGEST_MESSAGE], stack)


def _lines(lines: Sequence[Line]) -> JsonText:
    for place, line in enumerate(lines):
        if len(line.message) * 4 > LARGEST_LINE and (size := len(line.message.encode())) > LARGEST_LINE:
            detail = f"The line has {size} bytes, more than {LARGEST_LINE}. Send it in pieces."
            raise Invalid(FieldProblem(f"/lines/{place}/message", "LINE_TOO_LONG", detail))
        if line.at.tzinfo is None:
            detail = f"{line.at.isoformat()} has no offset: write it with Z."
            raise Invalid(FieldProblem(f"/lines/{place}/at", "MALFORMED", detail))
    return JsonText(msgspec.json.encode(lines).decode())


def _task_id(text: msgspec.Raw) -> UUID | None:
    try:
        return msgspec.json.decode(text, type=_Named).task_id
    except (msgspec.DecodeError, RecursionError):
        return None
