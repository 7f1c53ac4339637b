"""A request with a key is worked on once, whoever else brings it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from application.shared.principal import Principal
from application.shared.repeats import (
    KEPT,
    LONGEST_FLIGHT,
    Answer,
    KeyReused,
    OutcomeUnknown,
    RequestInFlight,
    RequestKey,
)
from domain.shared.ids import TenantId
from infrastructure.sql.engine import Store
from infrastructure.sql.repeat_tables import repeats
from infrastructure.sql.repeats import SqlRepeats

ANN = Principal(TenantId("default"), "ann")
KEY = RequestKey(principal=ANN, operation="createTask", key="k1")
ANSWER = Answer(status=201, headers={"location": "/tasks/1"}, body=b'{"id": "\xc3\xa9"}')


@pytest.fixture
def remembered(store: Store) -> SqlRepeats:
    return SqlRepeats(store)


async def age(store: Store, by: timedelta) -> None:
    """Make every request so much older."""
    async with store.engine.begin() as connection:
        begun = (await connection.execute(sa.select(repeats.c.begun_at))).scalar_one()
        await connection.execute(sa.update(repeats).values(begun_at=begun - by))


async def test_what_was_answered_is_answered_again(remembered: SqlRepeats) -> None:
    assert await remembered.begin(KEY, "f") is None
    await remembered.answered(KEY, ANSWER)
    assert await remembered.begin(KEY, "f") == ANSWER


async def test_another_request_may_not_take_the_key(remembered: SqlRepeats) -> None:
    await remembered.begin(KEY, "f")
    with pytest.raises(KeyReused, match="'k1'"):
        await remembered.begin(KEY, "g")


async def test_while_it_is_in_flight_it_is_refused_and_later_its_outcome_is_unknown(
    store: Store, remembered: SqlRepeats
) -> None:
    await remembered.begin(KEY, "f")
    with pytest.raises(RequestInFlight):
        await remembered.begin(KEY, "f")
    await age(store, LONGEST_FLIGHT)
    with pytest.raises(OutcomeUnknown):
        await remembered.begin(KEY, "f")


async def test_of_many_at_the_same_moment_one_works(remembered: SqlRepeats) -> None:
    outcomes = await asyncio.gather(*(remembered.begin(KEY, "f") for _ in range(8)), return_exceptions=True)
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, RequestInFlight) for outcome in outcomes) == 7


async def test_a_refused_request_gives_its_key_back(remembered: SqlRepeats) -> None:
    await remembered.begin(KEY, "f")
    await remembered.refused(KEY)
    assert await remembered.begin(KEY, "g") is None


@pytest.mark.parametrize(
    "other",
    [
        RequestKey(principal=Principal(ANN.tenant, "bob"), operation="createTask", key="k1"),
        RequestKey(principal=Principal(TenantId("other"), "ann"), operation="createTask", key="k1"),
        RequestKey(principal=ANN, operation="createJob", key="k1"),
        RequestKey(principal=ANN, operation="createTask", key="k2"),
    ],
    ids=["principal", "tenant", "operation", "key"],
)
async def test_a_key_is_its_callers_and_for_one_operation(remembered: SqlRepeats, other: RequestKey) -> None:
    await remembered.begin(KEY, "f")
    await remembered.answered(KEY, ANSWER)
    assert await remembered.begin(other, "g") is None


async def test_after_a_day_a_key_is_new(store: Store, remembered: SqlRepeats) -> None:
    await remembered.begin(KEY, "f")
    await remembered.answered(KEY, ANSWER)
    assert await remembered.forget() == 0
    await age(store, KEPT + timedelta(seconds=1))
    assert await remembered.begin(KEY, "g") is None
    with pytest.raises(RequestInFlight):
        await remembered.begin(KEY, "g")
    await age(store, KEPT + timedelta(seconds=1))
    assert await remembered.forget() == 1
