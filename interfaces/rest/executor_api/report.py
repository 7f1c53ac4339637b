"""Reading reports: each one alone, so that what is wrong with one says so for that one only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec

from domain.scheduling.ids import TaskId
from domain.scheduling.report import Report, ReportKind
from domain.scheduling.settlement import ReportOutcome
from domain.scheduling.task import TaskError
from domain.shared.errors import FieldProblem, Invalid
from domain.shared.json_value import JsonText
from domain.timing.duration import format_duration, parse_duration
from interfaces.rest.bodies import Body, read_json
from interfaces.rest.errors import problem_of
from interfaces.rest.executor_api.wire import Outcome, Token
from interfaces.rest.problem import Problem
from interfaces.rest.scheduling.log_stream import LogLevel

T = TypeVar("T")

LARGEST_RESULT = 256 * 1024
LARGEST_LINE = 16 * 1024
"""Bytes of a result or a checkpoint as JSON, and of a line's message."""

LONGEST_DELAY = timedelta(days=366)
"""How far off an executor may put the next attempt."""

LONGEST_CODE = 128
LONGEST_MESSAGE = 16 * 1024
LONGEST_PROGRESS = 1000
LONGEST_STACK = 64 * 1024
"""Characters of an error, and of a message of progress, that are kept; what is longer is cut, for an attempt must be
able to fail and to go on."""


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

    `result`: COMPLETE. `error` and `retryable`: FAIL. `retryAfter`: SNOOZE, which uses up no attempt, and a FAIL that
    knows better than the job's retry policy when to try again. `message`: SNOOZE and CANCEL, why; PROGRESS, what is
    being done. `lines` and `sequence` (from 1, numbers the LOG reports of a lease): LOG. `progress`, from 0 to 1:
    PROGRESS. `checkpoint`, any JSON, handed to the next attempt: CHECKPOINT.
    """

    task_id: UUID
    token: Token
    kind: ReportKind
    at: datetime | None = None
    result: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    error: ReportedError | None = None
    retryable: bool = True
    retry_after: str | None = None
    message: str | None = None
    progress: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    checkpoint: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    lines: list[Line] | None = None
    sequence: Annotated[int, msgspec.Meta(ge=0, le=2**30)] = 0


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
    about = partial(Report, task_id=TaskId(body.task_id), token=body.token, kind=body.kind)
    match body.kind:
        case ReportKind.COMPLETE:
            result = small_json("result", body.result)
            return about(result=None if result == "null" else result)
        case ReportKind.FAIL:
            after = None if body.retry_after is None else _delay(body.retry_after)
            return about(error=kept_error(body.error), retryable=body.retryable, retry_after=after)
        case ReportKind.SNOOZE:
            return about(retry_after=_delay(_given("retryAfter", body.retry_after)), message=_message(body))
        case ReportKind.CANCEL:
            return about(message=_message(body))
        case ReportKind.LOG:
            return about(lines=_lines(body.lines or []), sequence=body.sequence)
        case ReportKind.PROGRESS:
            # PostgreSQL's text knows no NUL, and an attempt must be able to go on.
            message = None if body.message is None else body.message[:LONGEST_PROGRESS].replace("\0", "\ufffd")
            return about(progress=_given("progress", body.progress), message=message)
        case ReportKind.CHECKPOINT:
            return about(checkpoint=_given("checkpoint", small_json("checkpoint", body.checkpoint)))
        case _:
            return about()


def _given(name: str, value: T | None) -> T:
    if value is None:
        raise Invalid(FieldProblem(f"/{name}", "MISSING", f"A report of this kind needs `{name}`."))
    return value


def small_json(name: str, value: msgspec.Raw) -> JsonText | None:
    """A part of a body as text, None if it was not given. Raises `Invalid` for one that is too large to keep."""
    text = bytes(value)
    if len(text) > LARGEST_RESULT:
        detail = f"The {name} has {len(text)} bytes, more than {LARGEST_RESULT}. Store it elsewhere and say where."
        raise Invalid(FieldProblem(f"/{name}", f"{name.upper()}_TOO_LARGE", detail))
    return JsonText(text.decode()) if text else None


def _delay(text: str) -> timedelta:
    try:
        delay = parse_duration(text)
    except Invalid as refusal:
        raise refusal.under("/retryAfter") from None
    if delay > LONGEST_DELAY:
        longest = format_duration(LONGEST_DELAY)
        raise Invalid(FieldProblem("/retryAfter", "DELAY_TOO_LONG", f"An attempt waits {longest} at most, not {text}."))
    return delay


def _message(body: ReportBody) -> str:
    return (body.message or "")[:LONGEST_MESSAGE]


def kept_error(error: ReportedError | None) -> TaskError | None:
    """As much of it as is kept."""
    if error is None:
        return None
    stack = None if error.stack is None else error.stack[:LONGEST_STACK]
    return TaskError(error.code[:LONGEST_CODE], error.message[:LONGEST_MESSAGE], stack)


def _lines(lines: Sequence[Line]) -> JsonText:
    for place, line in enumerate(lines):
        refuse_long_line(line.message, f"/lines/{place}/message")
        if line.at.tzinfo is None:
            detail = f"{line.at.isoformat()} has no offset: write it with Z."
            raise Invalid(FieldProblem(f"/lines/{place}/at", "MALFORMED", detail))
    return JsonText(msgspec.json.encode(lines).decode())


def refuse_long_line(message: str, pointer: str) -> None:
    """Raises `Invalid` for a line that is too long to keep."""
    if len(message) * 4 > LARGEST_LINE and (size := len(message.encode())) > LARGEST_LINE:
        detail = f"The line has {size} bytes, more than {LARGEST_LINE}. Send it in pieces."
        raise Invalid(FieldProblem(pointer, "LINE_TOO_LONG", detail))


def _task_id(text: msgspec.Raw) -> UUID | None:
    try:
        return msgspec.json.decode(text, type=_Named).task_id
    except (msgspec.DecodeError, RecursionError):
        return None
