"""Ids in paths and bodies."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from domain.operations.errors import ExecutionNotFound
from domain.operations.execution import ExecutionId
from domain.scheduling.backfill_errors import BackfillNotFound
from domain.scheduling.errors import TaskNotFound
from domain.scheduling.ids import BackfillId, JobId, TaskId

LONGEST_WORDS = 1000

Words = Annotated[str, msgspec.Meta(max_length=LONGEST_WORDS, pattern=r"^[^\x00]*\Z")]
"""A sentence for people; PostgreSQL's text knows no NUL."""


Key = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[^\x00]*\Z")]
"""A job's id or its name in a body."""


def job_key(text: str) -> JobId | str:
    """A job's id, or else its name; no name is a UUID."""
    try:
        return JobId(UUID(text))
    except ValueError:
        return text


def backfill_id(text: str) -> BackfillId:
    """Raises `BackfillNotFound` for what is no id at all."""
    try:
        return BackfillId(UUID(text))
    except ValueError:
        raise BackfillNotFound(text) from None


def task_id(text: str) -> TaskId:
    """Raises `TaskNotFound` for what is no id at all."""
    try:
        return TaskId(UUID(text))
    except ValueError:
        raise TaskNotFound(text) from None


def execution_id(text: str) -> ExecutionId:
    """Raises `ExecutionNotFound` for what is no id at all."""
    try:
        return ExecutionId(UUID(text))
    except ValueError:
        raise ExecutionNotFound(text) from None
