"""Locks of operations: one holder at a time, on the terms of ShedLock, in every place they can be kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count, pairwise

import pytest
from redis.asyncio import Redis

from domain.operations.lock import Lock, LockTerm
from domain.operations.ports.locks import Locks
from domain.shared.errors import Invalid
from domain.shared.ids import DEFAULT_TENANT, TenantId
from infrastructure.clock import SystemClock
from infrastructure.ids import TimeOrderedIds
from infrastructure.local.locks import LocalLocks
from infrastructure.redis.client import open_redis
from infrastructure.redis.keys import Keys
from infrastructure.redis.locks import RedisLocks
from infrastructure.sql.engine import open_store
from infrastructure.sql.operations.locks import SqlLocks
from tests.services import Service

MINUTE = timedelta(minutes=1)
MOMENT = timedelta(milliseconds=40)
ZERO = timedelta(0)
NODE = "node-1"

_PREFIXES = (f"test-{n}" for n in count())


@pytest.fixture(params=["local", "sqlite", "postgresql", "redis"])
def place(request: pytest.FixtureRequest) -> str:
    """The address of a place where locks can be kept; a test that takes it runs on each."""
    if request.param == "redis":
        service: Service = request.getfixturevalue("redis_server")
        return service.url
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}.get(request.param)
    return "" if fixture is None else str(request.getfixturevalue(fixture))


@pytest.fixture
async def locks(place: str) -> AsyncIterator[Locks]:
    ids, clock = TimeOrderedIds(), SystemClock()
    if not place:
        yield LocalLocks(ids, clock, NODE)
    elif place.startswith("redis"):
        client = open_redis(place)
        yield RedisLocks(client, Keys(prefix=next(_PREFIXES)), ids, clock, NODE)
        await client.aclose()
    else:
        store = open_store(place, clock)
        yield SqlLocks(store, ids, NODE)
        await store.dispose()


def term(name: str = "cleanup", at_most: timedelta = MINUTE, at_least: timedelta = ZERO, **more: TenantId) -> LockTerm:
    return LockTerm(name=name, at_most=at_most, at_least=at_least, **more)


async def taken(locks: Locks, wanted: LockTerm) -> Lock:
    lock = await locks.lock(wanted)
    assert lock is not None
    return lock


async def eventually(look: Callable[[], Awaitable[Lock | None]]) -> Lock:
    found = await look()
    while found is None:
        await asyncio.sleep(0.01)
        found = await look()
    return found


async def test_a_lock_has_one_holder_and_the_next_is_told_at_once(locks: Locks) -> None:
    lock = await taken(locks, term())
    assert (lock.name, lock.tenant, lock.node) == ("cleanup", DEFAULT_TENANT, NODE)
    assert (lock.until - lock.locked_at, lock.at_least_until) == (MINUTE, lock.locked_at)
    assert await locks.lock(term()) is None


async def test_a_released_lock_is_free(locks: Locks) -> None:
    first = await taken(locks, term())
    assert await locks.unlock(first)
    assert (await taken(locks, term())).holder != first.holder


async def test_a_lock_is_kept_for_at_least_its_time_after_a_quick_release(locks: Locks) -> None:
    lock = await taken(locks, term(at_least=MINUTE / 2))
    assert await locks.unlock(lock)
    assert await locks.lock(term()) is None
    (held,) = await locks.held(DEFAULT_TENANT)
    assert held.until <= lock.at_least_until


async def test_a_lock_that_was_kept_for_its_time_becomes_free(locks: Locks) -> None:
    first = await taken(locks, term(at_least=MOMENT))
    await locks.unlock(first)
    assert (await eventually(lambda: locks.lock(term()))).token > first.token


async def test_the_lock_of_a_holder_that_died_becomes_free(locks: Locks) -> None:
    first = await taken(locks, term(at_most=MOMENT))
    assert (await eventually(lambda: locks.lock(term()))).token > first.token


async def test_who_came_too_late_frees_and_prolongs_nothing_of_the_next_holder(locks: Locks) -> None:
    late = await taken(locks, term(at_most=MOMENT))
    present = await eventually(lambda: locks.lock(term()))
    assert not await locks.unlock(late)
    assert await locks.extend(late, MINUTE) is None
    assert await locks.lock(term()) is None
    assert await locks.held(DEFAULT_TENANT) == [present]


async def test_an_expired_lock_cannot_be_prolonged_even_if_nobody_else_took_it(locks: Locks) -> None:
    lock = await taken(locks, term(at_most=MOMENT))

    async def is_free() -> Lock | None:
        return lock if not await locks.held(DEFAULT_TENANT) else None

    await eventually(is_free)
    assert await locks.extend(lock, MINUTE) is None
    assert not await locks.unlock(lock)


async def test_an_extended_lock_has_new_times_and_the_same_token(locks: Locks) -> None:
    short = await taken(locks, term(at_most=MINUTE))
    longer = await locks.extend(short, MINUTE * 5, MINUTE)
    assert longer is not None
    assert (longer.holder, longer.token, longer.locked_at) == (short.holder, short.token, short.locked_at)
    assert longer.until - longer.at_least_until == MINUTE * 4
    assert longer.until >= short.locked_at + MINUTE * 5
    assert await locks.unlock(longer)
    assert await locks.lock(term()) is None, "at least counts from the extension"


async def test_impossible_times_of_an_extension_are_refused_and_change_nothing(locks: Locks) -> None:
    lock = await taken(locks, term())
    for at_most, at_least in ((ZERO, ZERO), (MINUTE, MINUTE * 2), (MINUTE, -MINUTE)):
        with pytest.raises(Invalid):
            await locks.extend(lock, at_most, at_least)
    (held,) = await locks.held(DEFAULT_TENANT)
    assert abs(held.until - lock.until) < timedelta(seconds=1)


async def test_locks_of_other_names_and_tenants_are_others(locks: Locks) -> None:
    await taken(locks, term())
    await taken(locks, term("reports"))
    elsewhere = await taken(locks, term(tenant=TenantId("acme")))
    assert [lock.name for lock in await locks.held(DEFAULT_TENANT)] == ["cleanup", "reports"]
    assert await locks.held(TenantId("acme")) == [elsewhere]


async def test_any_name_will_do(locks: Locks) -> None:
    for name in ("x" * 255, "täglich: a/b?*%{}", "'; --"):
        assert (await taken(locks, term(name))).name == name
        assert await locks.lock(term(name)) is None


async def test_the_tokens_of_a_lock_only_rise(locks: Locks) -> None:
    tokens = []
    for _ in range(5):
        lock = await taken(locks, term())
        tokens.append(lock.token)
        await locks.unlock(lock)
    assert all(later > earlier for earlier, later in pairwise(tokens))


async def test_a_forged_holder_has_no_say(locks: Locks) -> None:
    lock = await taken(locks, term())
    forged = replace(lock, holder=TimeOrderedIds().new())
    assert not await locks.unlock(forged)
    assert await locks.extend(forged, MINUTE) is None
    assert await locks.held(DEFAULT_TENANT) == [lock]


async def test_eight_holders_that_race_count_exactly(locks: Locks) -> None:
    """Whoever has the lock reads a counter, lets others run, and writes it: any overlap would lose a step."""
    counter, tokens, rounds = 0, [], 6

    async def compete() -> None:
        nonlocal counter
        for _ in range(rounds):
            lock = await eventually(lambda: locks.lock(term()))
            seen = counter
            await asyncio.sleep(0)
            tokens.append(lock.token)
            counter = seen + 1
            assert await locks.unlock(lock)

    await asyncio.gather(*(compete() for _ in range(8)))
    assert counter == 8 * rounds
    assert tokens == sorted(set(tokens)), "tokens rise in the order of their holders"


async def test_a_redis_that_has_forgotten_everything_gives_out_higher_tokens(redis_server: Service) -> None:
    client = open_redis(redis_server.url)
    assert isinstance(client, Redis)
    keys = Keys(prefix=next(_PREFIXES), environment="e", lock_prefix="job-lock")
    locks = RedisLocks(client, keys, TimeOrderedIds(), SystemClock(), NODE)
    before = await taken(locks, term())
    assert await client.get(f"{keys.prefix}:{{default}}:job-lock:e:cleanup") is not None
    await client.delete(keys.lock(DEFAULT_TENANT, "cleanup"), keys.lock_holders(DEFAULT_TENANT))
    await client.script_flush()
    after = await taken(locks, term())
    assert after.token > before.token
    assert not await locks.unlock(before)
    await client.aclose()
