"""Work under a lock: skipped where it is held, seen and prolonged from inside, kept alive, given back once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from application.operations.locking import ActiveLock, Locking, LockListener, active_lock
from application.shared.errors import StoreUnavailable
from domain.operations.errors import LockCannotBeExtended, NoActiveLock
from domain.operations.lock import Lock, LockTerm
from domain.shared.errors import Invalid
from domain.shared.ids import DEFAULT_TENANT, TenantId
from infrastructure.local.locks import LocalLocks
from tests.builders import MINUTE
from tests.unit.application.fakes import CountedIds, SetClock

ZERO = timedelta(0)
CLEANUP = LockTerm(name="cleanup", at_most=MINUTE)


class Noted(LockListener):
    def __init__(self) -> None:
        self.said: list[str] = []

    def acquired(self, term: LockTerm) -> None:
        self.said.append(f"acquired {term.name}")

    def skipped(self, term: LockTerm) -> None:
        self.said.append(f"skipped {term.name}")

    def released(self, term: LockTerm, seconds: float) -> None:
        self.said.append(f"released {term.name}")


class Naps:
    """Sleeps only as long as the test says, and remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._over = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._over.acquire()

    async def end(self) -> None:
        """The present nap is over, and what follows it has been done."""
        self._over.release()
        for _ in range(5):
            await asyncio.sleep(0)


class AwayLocks(LocalLocks):
    async def unlock(self, lock: Lock) -> bool:
        raise StoreUnavailable("gone")


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def locks(clock: SetClock) -> LocalLocks:
    return LocalLocks(CountedIds(), clock, "node-1")


async def is_free(locks: LocalLocks, term: LockTerm = CLEANUP) -> bool:
    return all(lock.name != term.name for lock in await locks.held(term.tenant))


async def test_the_lock_is_held_inside_the_block_and_free_after_it(locks: LocalLocks) -> None:
    listener = Noted()
    async with Locking(locks, listener).holding(CLEANUP) as held:
        assert held is not None
        assert active_lock() is held
        assert active_lock("cleanup").token == 1
        assert not await is_free(locks)
    assert await is_free(locks)
    assert listener.said == ["acquired cleanup", "released cleanup"]
    with pytest.raises(NoActiveLock, match="No lock is held"):
        active_lock()


async def test_work_is_skipped_where_somebody_else_has_the_lock(locks: LocalLocks) -> None:
    listener = Noted()
    await locks.lock(CLEANUP)
    async with Locking(locks, listener).holding(CLEANUP) as held:
        assert held is None
        with pytest.raises(NoActiveLock, match="'cleanup'"):
            active_lock("cleanup")
    assert listener.said == ["skipped cleanup"]
    assert not await is_free(locks), "it is the other's still"


async def test_the_lock_is_given_back_when_the_work_fails(locks: LocalLocks) -> None:
    with pytest.raises(ZeroDivisionError):
        async with Locking(locks).holding(CLEANUP):
            raise ZeroDivisionError
    assert await is_free(locks)


async def test_a_block_inside_one_of_the_same_name_needs_no_second_lock(locks: LocalLocks) -> None:
    locking = Locking(locks)
    async with locking.holding(CLEANUP) as outer:
        async with locking.holding(CLEANUP) as inner:
            assert inner is outer
        assert not await is_free(locks)
        async with locking.holding(LockTerm(name="other", at_most=MINUTE)) as other:
            assert active_lock() is other
        assert active_lock() is outer


async def test_the_same_name_of_another_tenant_is_another_lock(locks: LocalLocks) -> None:
    elsewhere = LockTerm(name="cleanup", at_most=MINUTE, tenant=TenantId("acme"))
    async with Locking(locks).holding(CLEANUP) as ours, Locking(locks).holding(elsewhere) as theirs:
        assert theirs is not ours


async def test_another_flow_of_work_does_not_inherit_a_lock_taken_meanwhile(locks: LocalLocks) -> None:
    async def outside() -> bool:
        async with Locking(locks).holding(CLEANUP) as held:
            return held is not None

    begun = asyncio.create_task(outside())
    async with Locking(locks).holding(CLEANUP):
        assert not await begun


async def test_work_that_takes_longer_extends_its_lock(locks: LocalLocks, clock: SetClock) -> None:
    async with Locking(locks).holding(CLEANUP):
        await active_lock().extend(MINUTE * 3, MINUTE * 2)
        clock.time += MINUTE * 2
        assert not await is_free(locks)


async def test_a_lost_lock_cannot_be_extended_and_the_next_holder_keeps_it(locks: LocalLocks, clock: SetClock) -> None:
    async with Locking(locks).holding(CLEANUP) as held:
        assert held is not None
        clock.time += MINUTE
        assert await locks.lock(CLEANUP) is not None
        with pytest.raises(LockCannotBeExtended, match="'cleanup'"):
            await held.extend(MINUTE)
    assert not await is_free(locks)


async def test_a_lock_that_was_given_back_is_of_no_use(locks: LocalLocks) -> None:
    async with Locking(locks).holding(CLEANUP) as held:
        assert held is not None
    for use in (held.release(), held.extend(MINUTE)):
        with pytest.raises(NoActiveLock):
            await use


async def test_a_lock_is_kept_alive_for_as_long_as_the_work_takes(locks: LocalLocks, clock: SetClock) -> None:
    naps = Naps()
    term = LockTerm(name="export", at_most=MINUTE, at_least=MINUTE * 0.75)
    async with Locking(locks, sleep=naps).holding(term, keep_alive=True) as held:
        assert held is not None
        lefts = []
        for _ in range(3):
            await asyncio.sleep(0)
            clock.time += MINUTE / 2
            await naps.end()
            assert held.lock.until == clock.time + MINUTE
            lefts.append(held.lock.at_least_until - clock.time)
        assert lefts == [MINUTE / 4, ZERO, ZERO], "what is left of at least shrinks"
        assert set(naps.asked) == {30.0}
        with pytest.raises(Invalid, match="kept alive"):
            await held.extend(MINUTE)
    assert await is_free(locks, term)


async def test_keeping_alive_ends_where_the_lock_is_lost(
    locks: LocalLocks, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    naps = Naps()
    async with Locking(locks, sleep=naps).holding(CLEANUP, keep_alive=True):
        await asyncio.sleep(0)
        clock.time += MINUTE
        await naps.end()
        assert len(naps.asked) == 1
    assert "cleanup is not kept alive any more" in caplog.text


async def test_a_short_lock_is_not_kept_alive(locks: LocalLocks) -> None:
    with pytest.raises(Invalid, match="at least 30 s"):
        async with Locking(locks).holding(LockTerm(name="a", at_most=MINUTE / 3), keep_alive=True):
            pass


async def test_work_that_is_done_stays_done_when_its_lock_cannot_be_given_back(
    clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with Locking(AwayLocks(CountedIds(), clock, "n")).holding(CLEANUP) as held:
        assert isinstance(held, ActiveLock)
    assert "was not released" in caplog.text


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "x" * 256}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"at_most": ZERO}, "/atMost"),
        ({"at_most": -MINUTE}, "/atMost"),
        ({"at_least": -MINUTE}, "/atLeast"),
        ({"at_least": MINUTE * 2}, "/atLeast"),
    ],
)
def test_a_term_that_makes_no_sense_cannot_exist(wrong: dict[str, object], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        LockTerm(**{"name": "a", "at_most": MINUTE} | wrong)  # type: ignore[arg-type]
    assert pointer in {problem.pointer for problem in refused.value.problems}


def test_a_lock_is_free_when_it_is_released_but_not_before_its_time() -> None:
    now = SetClock().now()
    lock = Lock.of(LockTerm(name="a", at_most=MINUTE, at_least=MINUTE / 2), CountedIds().new(), "n", 1, now)
    assert lock.free_at(now) == now + MINUTE / 2
    assert lock.free_at(now + MINUTE) == now + MINUTE
    assert lock.tenant == DEFAULT_TENANT
