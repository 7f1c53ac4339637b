"""What is remembered of lanes and sessions, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from application.scheduling import sessions as sessions_module
from application.scheduling.lanes import RECHECK, Lanes
from application.scheduling.sessions import Sessions
from application.shared.wake_up import LANES
from domain.scheduling.errors import ExecutorNotFound, SessionEnded, SessionSuperseded
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import ExecutorId, LaneId
from domain.scheduling.placement import Lane, Placement
from domain.scheduling.ports.task_queue import Session
from domain.shared.ids import DEFAULT_TENANT, TenantId
from tests.builders import EXECUTOR_ID, NOON, SECOND, capability, executor, uid
from tests.unit.application.fake_store import FakeStore, FakeWork
from tests.unit.application.fakes import ANN, HeardWakeUp, SetClock

FIRST = Session(executor_id=EXECUTOR_ID, epoch=1)


def lane(pool: str = "default", executor: str | None = None, **requires: str) -> Lane:
    named = None if executor is None else ExecutorId(executor)
    return Lane.of(DEFAULT_TENANT, "COMMAND", None, Placement(pool=pool, requires=requires, executor=named))


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def lanes(store: FakeStore, clock: SetClock, wake_up: HeardWakeUp) -> Lanes:
    store.tables.lanes = {lane(): LaneId(1), lane("gpu"): LaneId(2), lane(zone="b"): LaneId(3)}
    return Lanes(store.begin, clock, wake_up)


async def test_an_executor_is_told_the_lanes_that_it_serves(lanes: Lanes) -> None:
    assert await lanes.served_by(DEFAULT_TENANT, capability(), EXECUTOR_ID) == [1]
    assert await lanes.served_by(DEFAULT_TENANT, capability(labels={"zone": "b"}), EXECUTOR_ID) == [1, 3]
    assert await lanes.served_by(DEFAULT_TENANT, capability(pool="gpu"), EXECUTOR_ID) == [2]
    assert await lanes.served_by(TenantId("other"), capability(), EXECUTOR_ID) == []
    assert lanes[LaneId(2)] == lane("gpu")


async def test_a_lane_that_names_its_executor_is_served_by_that_one_only(lanes: Lanes, store: FakeStore) -> None:
    store.tables.lanes[lane(executor=EXECUTOR_ID)] = LaneId(4)
    store.tables.lanes[lane(executor=EXECUTOR_ID, zone="c")] = LaneId(5)
    assert await lanes.served_by(DEFAULT_TENANT, capability(), EXECUTOR_ID) == [1, 4]
    assert await lanes.served_by(DEFAULT_TENANT, capability(), ExecutorId("another")) == [1]
    assert lanes.own([LaneId(1), LaneId(4)]) == {4}


async def test_a_lane_that_another_node_made_is_known_after_a_while(
    lanes: Lanes, store: FakeStore, clock: SetClock
) -> None:
    await lanes.refresh()
    store.tables.lanes[lane(zone="c")] = LaneId(4)
    offer = capability(labels={"zone": "c"})
    clock.time = NOON + RECHECK - SECOND
    assert await lanes.served_by(DEFAULT_TENANT, offer, EXECUTOR_ID) == [1]
    clock.time = NOON + RECHECK
    assert await lanes.served_by(DEFAULT_TENANT, offer, EXECUTOR_ID) == [1, 4]


async def test_a_lane_of_this_process_is_known_at_once_and_waiting_claims_hear_of_it(
    lanes: Lanes, store: FakeStore, wake_up: HeardWakeUp
) -> None:
    await lanes.refresh()
    store.tables.lanes[lane(zone="c")] = LaneId(4)
    lanes.added(lane(zone="c"))
    assert await lanes.served_by(DEFAULT_TENANT, capability(labels={"zone": "c"}), EXECUTOR_ID) == [1, 4]
    assert wake_up.topics == {LANES}


async def test_a_lane_that_is_known_already_is_no_news(lanes: Lanes, wake_up: HeardWakeUp) -> None:
    await lanes.refresh()
    lanes.added(lane())
    assert wake_up.hints == []


@pytest.fixture
def sessions(store: FakeStore) -> Sessions:
    store.tables.executors[EXECUTOR_ID] = executor(slots=7)
    return Sessions(store.begin)


async def test_what_a_session_offers_is_remembered(sessions: Sessions, store: FakeStore) -> None:
    offer = await sessions.capability(ANN, FIRST)
    assert offer.slots == 7
    store.tables.executors.clear()
    assert await sessions.capability(ANN, FIRST) is offer


async def test_whether_a_session_lives_only_the_store_knows(sessions: Sessions, store: FakeStore) -> None:
    await sessions.capability(ANN, FIRST)
    store.tables.executors[EXECUTOR_ID] = executor(ExecutorStatus.OFFLINE)
    with pytest.raises(SessionEnded):
        await sessions.require_live(ANN, FIRST)
    with pytest.raises(SessionEnded):
        await sessions.capability(ANN, FIRST)


async def test_a_draining_session_is_live(sessions: Sessions, store: FakeStore) -> None:
    store.tables.executors[EXECUTOR_ID] = executor(ExecutorStatus.DRAINING)
    assert (await sessions.require_live(ANN, FIRST)).slots == 100


async def test_a_session_that_was_replaced_is_told_so(sessions: Sessions, store: FakeStore) -> None:
    known = executor()
    known.register_again(uid(999), known.info, known.capability, NOON)
    store.tables.executors[EXECUTOR_ID] = known
    with pytest.raises(SessionSuperseded):
        await sessions.capability(ANN, FIRST)


async def test_a_session_of_an_unknown_executor_is_refused(sessions: Sessions, store: FakeStore) -> None:
    store.tables.executors.clear()
    with pytest.raises(ExecutorNotFound):
        await sessions.capability(ANN, FIRST)


async def test_what_was_forgotten_is_asked_for_again(sessions: Sessions, store: FakeStore) -> None:
    await sessions.capability(ANN, FIRST)
    sessions.forget(ANN, FIRST)
    store.tables.executors[EXECUTOR_ID] = executor(slots=3)
    assert (await sessions.capability(ANN, FIRST)).slots == 3
    sessions.forget(ANN, Session(executor_id=EXECUTOR_ID, epoch=99))


async def test_memory_is_bounded(sessions: Sessions, store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "MOST", 1)
    await sessions.capability(ANN, FIRST)
    store.tables.executors[EXECUTOR_ID].epoch = 2
    await sessions.capability(ANN, Session(executor_id=EXECUTOR_ID, epoch=2))
    with pytest.raises(SessionSuperseded):
        await sessions.capability(ANN, FIRST)


async def test_a_lane_made_while_lanes_are_read_is_not_overlooked(
    store: FakeStore, clock: SetClock, wake_up: HeardWakeUp
) -> None:
    class MakesALaneMeanwhile(FakeWork):
        async def __aexit__(self, *raised: Any) -> None:
            await super().__aexit__(*raised)
            store.tables.lanes[lane()] = LaneId(1)
            known.added(lane())

    known = Lanes(lambda: MakesALaneMeanwhile(store), clock, wake_up)
    assert await known.served_by(DEFAULT_TENANT, capability(), EXECUTOR_ID) == []
    assert await known.served_by(DEFAULT_TENANT, capability(), EXECUTOR_ID) == [1]


async def test_a_lane_of_another_node_is_found_at_once_when_that_node_says_so(
    store: FakeStore, wake_up: HeardWakeUp
) -> None:
    lanes = Lanes(store.begin, SetClock(), wake_up)
    await lanes.refresh()
    async with store.begin() as work:
        await work.lanes.number(Lane(tenant=ANN.tenant, pool="default", type="COMMAND", handler=None, requires=()))
        await work.commit()
    assert await lanes.served_by(ANN.tenant, capability(), EXECUTOR_ID) == []
    lanes.look_again()
    assert len(await lanes.served_by(ANN.tenant, capability(), EXECUTOR_ID)) == 1
