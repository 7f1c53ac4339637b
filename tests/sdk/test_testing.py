"""A handler is tested without a server."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from scheduler_sdk.context import TaskContext
from scheduler_sdk.errors import NonRetryable, Stopping, TaskFailed
from scheduler_sdk.testing import call, call_async


class Invoice(msgspec.Struct):
    id: UUID
    pages: int = 1


async def render(context: TaskContext, invoice: Invoice) -> dict[str, object]:
    if not invoice.pages:
        raise NonRetryable("the invoice is empty", code="EMPTY")
    for page in range(context.checkpoint or 0, invoice.pages):
        context.raise_if_stopping()
        context.log.info("page done", page=page)
        context.progress((page + 1) / invoice.pages, "on we go")
        context.save_checkpoint(page + 1)
    return {"id": invoice.id}


def add(a: int, b: int = 1) -> int:
    return a + b


ID = UUID(int=7)


def test_what_a_handler_returns_and_says_can_be_looked_at() -> None:
    called = call(render, Invoice(ID, 2))
    assert called.result == {"id": str(ID)}
    assert called.log[0] == ("INFO", "page done page=0")
    assert called.messages == ["page done page=0", "on we go", "page done page=1", "on we go"]
    assert (called.progress, called.progress_message, called.checkpoint) == (1.0, "on we go", 2)


def test_it_goes_on_from_a_checkpoint() -> None:
    assert call(render, {"id": str(ID), "pages": 3}, checkpoint=2).messages[0] == "page done page=2"


def test_what_it_raises_is_raised() -> None:
    with pytest.raises(NonRetryable, match="EMPTY: the invoice is empty"):
        call(render, Invoice(ID, 0))
    with pytest.raises(Stopping):
        call(render, Invoice(ID), stopping=True)


def test_parameters_and_result_go_through_json() -> None:
    assert call(add, {"a": 41}).result == 42
    assert call(lambda: None).result is None
    with pytest.raises(TaskFailed, match=r"do not fit 'add': Expected `int`, got `str` at /parameters/a"):
        call(add, {"a": "41"})
    with pytest.raises(TaskFailed, match="RESULT_NOT_JSON"):
        call(lambda: [object()])


async def test_where_a_loop_runs_already_it_is_awaited() -> None:
    assert (await call_async(render, Invoice(ID))).progress == 1.0
