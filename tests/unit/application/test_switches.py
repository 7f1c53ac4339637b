"""How soon a node honours a switch, and what it costs."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from application.scheduling.switches import RECHECK, Switches
from application.shared.wake_up import LANES, PLANNER
from domain.scheduling.switch import CLAIMING, FIRING, Switch
from domain.shared.ids import DEFAULT_TENANT, TenantId
from tests.unit.application.fake_store import FakeStore
from tests.unit.application.fakes import ANN, HeardWakeUp, SetClock


async def test_a_switch_is_honoured_here_at_once_and_elsewhere_within_five_seconds(
    store: FakeStore, wake_up: HeardWakeUp
) -> None:
    clock = SetClock()
    here, elsewhere = (Switches(store.begin, clock, wake_up) for _ in range(2))
    assert not await here.firing_is_stopped()
    assert not await elsewhere.firing_is_stopped()
    await here.stop(ANN, FIRING, "moving")
    assert {PLANNER, LANES} <= wake_up.topics
    assert await here.firing_is_stopped()
    assert not await here.claiming_is_stopped()
    clock.time += RECHECK - timedelta.resolution
    assert not await elsewhere.firing_is_stopped()
    clock.time += timedelta.resolution
    assert await elsewhere.firing_is_stopped()
    await here.start(FIRING)
    assert not await here.firing_is_stopped()


async def test_nobody_goes_on_before_the_first_look(store: FakeStore, wake_up: HeardWakeUp) -> None:
    await Switches(store.begin, SetClock(), wake_up).stop(ANN, CLAIMING, "x")
    new = Switches(store.begin, SetClock(), wake_up)
    assert await asyncio.gather(*(new.claiming_is_stopped() for _ in range(3))) == [True] * 3


async def test_a_pool_belongs_to_its_tenant(store: FakeStore, wake_up: HeardWakeUp) -> None:
    switches = Switches(store.begin, SetClock(), wake_up)
    assert await switches.paused_pools(DEFAULT_TENANT) == frozenset()
    await switches.stop(ANN, Switch.of_pool(DEFAULT_TENANT, "gpu"), "drivers")
    assert await switches.paused_pools(DEFAULT_TENANT) == {"gpu"}
    assert await switches.paused_pools(TenantId("other")) == frozenset()
