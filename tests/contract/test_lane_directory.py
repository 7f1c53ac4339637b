"""A lane has one number for good, whoever asks first."""

from __future__ import annotations

import asyncio

import pytest

from domain.scheduling.ids import ExecutorId, LaneId
from domain.scheduling.placement import Lane
from domain.shared.ids import DEFAULT_TENANT, TenantId
from tests.contract.conftest import Begin

PLAIN = Lane(tenant=DEFAULT_TENANT, pool="default", type="COMMAND", handler=None, requires=())
LANES = [
    PLAIN,
    Lane(tenant=TenantId("elsewhere"), pool="default", type="COMMAND", handler=None, requires=()),
    Lane(tenant=DEFAULT_TENANT, pool="night", type="COMMAND", handler=None, requires=()),
    Lane(tenant=DEFAULT_TENANT, pool="default", type="PYTHON", handler="reports.daily", requires=()),
    Lane(tenant=DEFAULT_TENANT, pool="default", type="PYTHON", handler="reports.weekly", requires=()),
    Lane(tenant=DEFAULT_TENANT, pool="default", type="COMMAND", handler=None, requires=(("os", 'a "b" ü'), ("x", ""))),
    Lane(tenant=DEFAULT_TENANT, pool="default", type="COMMAND", handler=None, requires=(), executor=ExecutorId("e1")),
]


async def number(begin: Begin, lane: Lane) -> LaneId:
    async with begin() as work:
        found = await work.lanes.number(lane)
        await work.commit()
    return found


async def test_lanes_that_differ_in_anything_have_different_numbers_and_keep_them(begin: Begin) -> None:
    numbers = [await number(begin, lane) for lane in LANES]
    assert len(set(numbers)) == len(LANES)
    assert [await number(begin, lane) for lane in LANES] == numbers


async def test_asking_twice_in_one_unit_gives_the_same_number(begin: Begin) -> None:
    async with begin() as work:
        assert await work.lanes.number(PLAIN) == await work.lanes.number(PLAIN)


async def test_a_number_given_in_a_unit_that_was_undone_is_forgotten(begin: Begin) -> None:
    async with begin() as work:
        await work.lanes.number(PLAIN)
    async with begin() as work:
        assert await work.lanes.after(LaneId(0)) == {}
    kept = await number(begin, PLAIN)
    async with begin() as work:
        assert await work.lanes.after(LaneId(0)) == {kept: PLAIN}


async def test_of_many_that_make_a_lane_at_once_all_get_the_same_number(begin: Begin) -> None:
    numbers = await asyncio.gather(*(number(begin, PLAIN) for _ in range(8)))
    assert len(set(numbers)) == 1


@pytest.mark.parametrize("known", range(len(LANES) + 1))
async def test_the_directory_lists_lanes_with_a_higher_number(begin: Begin, known: int) -> None:
    numbers = [await number(begin, lane) for lane in LANES]
    last = numbers[known - 1] if known else LaneId(0)
    async with begin() as work:
        assert await work.lanes.after(last) == dict(list(zip(numbers, LANES, strict=True))[known:])
