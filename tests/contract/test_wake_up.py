"""Hints wake those who wait, and none is lost with a sleeper that leaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from application.shared.wake_up import Listener, WakeUp
from infrastructure.local.wake_up import LocalWakeUp

NOT_AT_ALL = 0.0
PATIENCE = 10.0

LANE = "lane:1"


@pytest.fixture(params=[LocalWakeUp])
def wake_up(request: pytest.FixtureRequest) -> WakeUp:
    make: Callable[[], WakeUp] = request.param
    return make()


async def is_woken(listener: Listener) -> bool:
    """Whether a hint has come already."""
    return await listener.wait(NOT_AT_ALL)


async def test_a_sleeper_is_woken(wake_up: WakeUp) -> None:
    with wake_up.listen([LANE]) as listener:
        sleeper = asyncio.create_task(listener.wait(PATIENCE))
        await asyncio.sleep(0)
        wake_up.signal(LANE, 1)
        assert await sleeper


async def test_a_hint_that_came_before_the_sleep_counts_once(wake_up: WakeUp) -> None:
    with wake_up.listen([LANE]) as listener:
        wake_up.signal(LANE)
        assert await is_woken(listener)
        assert not await is_woken(listener)


async def test_without_a_count_all_listeners_of_the_topic_are_woken_and_no_others(wake_up: WakeUp) -> None:
    with wake_up.listen([LANE]) as one, wake_up.listen([LANE, "lane:2"]) as two, wake_up.listen(["lane:2"]) as other:
        wake_up.signal(LANE)
        assert [await is_woken(each) for each in (one, two, other)] == [True, True, False]


async def test_with_a_count_those_are_woken_that_have_waited_longest(wake_up: WakeUp) -> None:
    with wake_up.listen([LANE]) as first, wake_up.listen([LANE]) as second, wake_up.listen([LANE]) as third:
        wake_up.signal(LANE, 2)
        assert [await is_woken(each) for each in (first, second, third)] == [True, True, False]


async def test_whoever_is_awake_already_does_not_use_up_a_second_hint(wake_up: WakeUp) -> None:
    with wake_up.listen([LANE]) as first, wake_up.listen([LANE]) as second:
        wake_up.signal(LANE, 1)
        wake_up.signal(LANE, 1)
        assert [await is_woken(each) for each in (first, second)] == [True, True]


async def test_a_hint_for_one_goes_on_to_the_next_if_that_one_leaves_without_having_slept(wake_up: WakeUp) -> None:
    with contextlib.ExitStack() as busy:
        busy.enter_context(wake_up.listen(["lane:2", LANE]))
        with wake_up.listen([LANE]) as next_, wake_up.listen(["lane:2"]) as other:
            wake_up.signal(LANE, 1)
            assert not await is_woken(next_)
            busy.close()
            assert [await is_woken(each) for each in (next_, other)] == [True, False]


async def test_a_hint_that_was_taken_goes_to_nobody_else(wake_up: WakeUp) -> None:
    with contextlib.ExitStack() as first:
        listener = first.enter_context(wake_up.listen([LANE]))
        with wake_up.listen([LANE]) as second:
            wake_up.signal(LANE, 1)
            assert await is_woken(listener)
            first.close()
            assert not await is_woken(second)


async def test_nobody_is_left_in_line_after_leaving(wake_up: WakeUp) -> None:
    with wake_up.listen([LANE]):
        pass
    with wake_up.listen([LANE]) as present:
        wake_up.signal(LANE, 1)
        assert await is_woken(present)
