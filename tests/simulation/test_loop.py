"""Virtual time passes at once, and processes in it stand still or are gone."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulation.loop import Process, StandStill, VirtualLoop


async def tick(said: list[float], loop: VirtualLoop) -> None:
    while True:
        await asyncio.sleep(1)
        said.append(loop.time())


def test_a_day_passes_at_once() -> None:
    loop = VirtualLoop()
    loop.run_until_complete(asyncio.sleep(86_400))
    assert loop.time() == 86_400
    loop.clear_away()


def test_who_is_paused_stands_still_and_catches_up_and_who_is_killed_is_gone() -> None:
    loop, said = VirtualLoop(), list[float]()
    process = Process("p")
    loop.spawn(process, tick(said, loop))

    async def treat() -> None:
        await asyncio.sleep(2.5)
        loop.pause(process)
        await asyncio.sleep(3)
        assert said == [1, 2]
        loop.resume(process)
        await asyncio.sleep(1.2)
        assert said == [1, 2, 5.5, 6.5]
        loop.kill(process)
        await asyncio.sleep(10)

    loop.run_until_complete(treat())
    assert said == [1, 2, 5.5, 6.5]
    loop.clear_away()


def test_waiting_for_what_never_comes_is_told_and_does_not_hang() -> None:
    loop = VirtualLoop()
    with pytest.raises(StandStill):
        loop.run_until_complete(loop.create_future())
    loop.clear_away()


def test_an_error_that_nobody_hears_is_not_lost() -> None:
    loop = VirtualLoop()

    def fail() -> None:
        raise ValueError("nobody hears this")

    loop.call_soon(fail)
    loop.run_until_complete(asyncio.sleep(1))
    assert "nobody hears this" in loop.errors[0]
    loop.clear_away()
