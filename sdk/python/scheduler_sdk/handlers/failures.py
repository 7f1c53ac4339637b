"""What a handler raised, as the end of its attempt."""

from __future__ import annotations

import traceback
from pathlib import Path

from scheduler_sdk.errors import TaskEnd, TaskFailed
from scheduler_sdk.execution.text import MESSAGE_BYTES, STACK_BYTES, bounded, bounded_tail

_CALLERS = str(Path(__file__).parent)


def end_of(error: BaseException, *, retryable: bool = True) -> TaskEnd:
    """A failure with the name, the message and the stack of the exception, unless it says itself how it ends.

    `retryable=False`: this handler is never to be called again for the same task.
    """
    if isinstance(error, TaskFailed):
        error.retryable = error.retryable and retryable
    if isinstance(error, TaskEnd):
        return error
    try:
        told = str(error)
    except Exception as broken:
        told = f"(its message cannot be shown: {broken!r})"
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_CALLERS):
        frames = frames.tb_next
    stack = "".join(traceback.format_exception(type(error), error, frames))
    return TaskFailed(
        type(error).__name__,
        bounded(told, MESSAGE_BYTES),
        retryable=retryable,
        stack=bounded_tail(stack, STACK_BYTES),
    )
