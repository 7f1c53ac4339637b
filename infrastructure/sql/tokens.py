"""The one rising sequence of fencing tokens: of the attempts of tasks, and of locks."""

from __future__ import annotations

import sqlalchemy as sa

from infrastructure.sql.scheduling.task_tables import task_tokens
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_NEXT = sa.Sequence("task_tokens").next_value()
_LAST = sa.select(sa.literal_column("last_value", sa.BigInteger)).select_from(sa.table("task_tokens"))


async def next_token(work: SqlUnitOfWork) -> sa.ColumnElement[int]:
    """The next token, to be written by a statement of this unit of work.

    PostgreSQL draws it when the statement changes the row, after any wait for it: tokens of a row only rise.
    """
    if work.dialect == "postgresql":
        return _NEXT
    drawn = sa.update(task_tokens).values(last=task_tokens.c.last + 1).returning(task_tokens.c.last)
    token: int = (await work.execute(drawn)).scalar_one()
    return sa.literal(token, sa.BigInteger)


async def newest_token(work: SqlUnitOfWork) -> int:
    """The highest token that was handed out to anybody."""
    newest = _LAST if work.dialect == "postgresql" else sa.select(task_tokens.c.last)
    token: int = (await work.execute(newest)).scalar_one()
    return token
