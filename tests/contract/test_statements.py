"""Sets of values reach both databases, and come back, as the values they were."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.tables import jobs
from infrastructure.sql.types import Instant, JsonText
from tests.contract.conftest import Begin

EVERYTHING = Relation(
    "r",
    number=sa.Integer,
    id=sa.Uuid,
    at=Instant,
    text=sa.Text,
    document=JsonText,
    big=sa.BigInteger,
    fraction=sa.Float,
    flag=sa.Boolean,
)
ROWS: list[tuple[Any, ...]] = [
    (1, UUID(int=2**127 + 1), datetime(2031, 5, 4, 12, 0, 0, 1, UTC), "plain", '{"a":1}', 2**62 + 1, 0.1, True),
    (2, UUID(int=0), datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), "ü'\"\\ {}[],\n", '[ "ü" ]', -1, -1.5, False),
    (3, None, None, "", "null", None, None, None),
    (4, None, None, None, None, 0, 0.0, None),
]


def everything(dialect: DialectName) -> sa.Select[Any]:
    r = EVERYTHING.source(dialect)
    return sa.select(*r.c).order_by(r.c.number)


EVERY_VALUE = Statement(everything)


@pytest.mark.parametrize("count", range(len(ROWS) + 1))
async def test_every_kind_of_value_comes_back_as_it_was_given(begin: Begin, count: int) -> None:
    async with begin() as work:
        found = await work.fetch(EVERY_VALUE, **EVERYTHING.bind(work.dialect, ROWS[:count]))
    assert found == ROWS[:count]
    assert all(row[-1] is None or isinstance(row[-1], bool) for row in found)  # 1 == True


async def test_a_thousand_rows_are_as_good_as_one(begin: Begin) -> None:
    rows = [(n, *ROWS[0][1:]) for n in range(1000)]
    async with begin() as work:
        assert await work.fetch(EVERY_VALUE, **EVERYTHING.bind(work.dialect, rows)) == rows


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_list_of_bound_values_has_no_fixed_text(dialect: DialectName) -> None:
    listed = Statement(lambda _: sa.select(jobs.c.id).where(jobs.c.status.in_(["ACTIVE", "PAUSED"])))
    with pytest.raises(ValueError, match="no fixed text"):
        listed.on(dialect)
    literal = Statement(lambda _: sa.select(jobs.c.id).where(jobs.c.status.in_(words(["ACTIVE", "it's"]))))
    assert "IN ('ACTIVE', 'it''s')" in literal.on(dialect).text
