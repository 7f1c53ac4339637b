"""Locks that users share and the fences of their resources: one unit of work changes a lock at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from application.operations.shared_locks import SharedLocks
from application.shared.draining import Draining
from application.shared.principal import LOCAL, Principal
from domain.operations.errors import LockHeld, LockLost, LockNotFound, StaleToken
from domain.operations.semaphore import Wish
from domain.shared.errors import Invalid
from domain.shared.ids import DEFAULT_TENANT, TenantId
from infrastructure.local.wake_up import LocalWakeUp
from infrastructure.sql.engine import Store
from infrastructure.sql.operations.lock_tables import semaphores
from infrastructure.sql.operations.reader import SqlLocksReader
from infrastructure.sql.operations.work import SqlOperationsWork
from tests.builders import MINUTE, uid
from tests.contract.builders import rows

NO_WAIT = timedelta(0)
ELSEWHERE = Principal(TenantId("acme"), "eve")
Begin = Callable[[], SqlOperationsWork]


@pytest.fixture
def begin(store: Store) -> Begin:
    return lambda: SqlOperationsWork(store)


@pytest.fixture
def shared(begin: Begin) -> SharedLocks:
    return a_node(begin)


def a_node(begin: Begin) -> SharedLocks:
    wake_up = LocalWakeUp()
    return SharedLocks(begin, wake_up, Draining(wake_up))


def wish(owner: str = "ann", ttl: timedelta = MINUTE, permits: int = 1) -> Wish:
    return Wish(owner=owner, ttl=ttl, permits=permits)


async def test_a_lock_comes_back_as_it_was_acquired_and_goes_when_nobody_holds_it(
    shared: SharedLocks, store: Store
) -> None:
    reader = SqlLocksReader(store)
    first = await shared.acquire(LOCAL, "täglich/1", wish(permits=2), NO_WAIT)
    second = await shared.acquire(LOCAL, "täglich/1", wish("bob", permits=2), NO_WAIT)
    view = await reader.lock(DEFAULT_TENANT, "täglich/1")
    assert (view.permits, view.free) == (2, 0)
    assert [(h.token, h.owner) for h in view.holders] == [(first.hold.token, "ann"), (second.hold.token, "bob")]
    assert view.holders[0].expires_at == first.hold.expires_at
    for acquired in (first, second):
        assert await shared.release(LOCAL, "täglich/1", acquired.hold.token)
    with pytest.raises(LockNotFound):
        await reader.lock(DEFAULT_TENANT, "täglich/1")
    assert not await rows(store, semaphores)


async def test_eight_clients_of_two_nodes_that_race_count_exactly(begin: Begin) -> None:
    counter, tokens = 0, []
    nodes = [a_node(begin), a_node(begin)]

    async def compete(n: int) -> None:
        nonlocal counter
        node = nodes[n % 2]
        for _ in range(3):
            acquired = await node.acquire(LOCAL, "counter", wish(f"c{n}"), 10 * MINUTE)
            seen = counter
            await asyncio.sleep(0)
            tokens.append(acquired.hold.token)
            counter = seen + 1
            await node.release(LOCAL, "counter", acquired.hold.token)

    await asyncio.gather(*(compete(n) for n in range(8)))
    assert counter == 24
    assert tokens == sorted(set(tokens))


async def test_a_semaphore_never_has_more_holders_than_permits(begin: Begin) -> None:
    inside = most = 0
    node = a_node(begin)

    async def enter(n: int) -> None:
        nonlocal inside, most
        acquired = await node.acquire(LOCAL, "pool", wish(f"c{n}", permits=3), 10 * MINUTE)
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.001)
        inside -= 1
        await node.release(LOCAL, "pool", acquired.hold.token)

    await asyncio.gather(*(enter(n) for n in range(9)))
    assert 1 <= most <= 3


async def test_a_repeated_request_holds_once(shared: SharedLocks, store: Store) -> None:
    asked = Wish(owner="ann", ttl=MINUTE, request_id=uid(1))
    first = await shared.acquire(LOCAL, "deploy", asked, NO_WAIT)
    assert await shared.acquire(LOCAL, "deploy", asked, NO_WAIT) == first
    assert len((await SqlLocksReader(store).lock(DEFAULT_TENANT, "deploy")).holders) == 1


async def test_waiting_ends_with_the_refusal_when_the_lock_stays_held(shared: SharedLocks) -> None:
    await shared.acquire(LOCAL, "deploy", wish(), NO_WAIT)
    with pytest.raises(LockHeld, match="'ann'"):
        await shared.acquire(LOCAL, "deploy", wish("bob"), timedelta(milliseconds=50))


async def test_waiting_ends_at_once_when_the_node_is_about_to_stop(begin: Begin) -> None:
    wake_up = LocalWakeUp()
    draining = Draining(wake_up)
    node = SharedLocks(begin, wake_up, draining)
    await node.acquire(LOCAL, "deploy", wish(), NO_WAIT)
    waiting = asyncio.create_task(node.acquire(LOCAL, "deploy", wish("bob"), 60 * MINUTE))
    await asyncio.sleep(0.02)
    draining.begin()
    with pytest.raises(LockHeld):
        await waiting


async def test_only_the_holder_extends_and_releases(shared: SharedLocks) -> None:
    acquired = await shared.acquire(LOCAL, "deploy", wish(), NO_WAIT)
    token = acquired.hold.token
    assert (await shared.extend(LOCAL, "deploy", token, 2 * MINUTE)).hold.expires_at > acquired.hold.expires_at
    for principal, name, other in ((LOCAL, "deploy", token + 1), (LOCAL, "x", token), (ELSEWHERE, "deploy", token)):
        with pytest.raises(LockLost):
            await shared.extend(principal, name, other, MINUTE)
        assert not await shared.release(principal, name, other)
    assert await shared.release(LOCAL, "deploy", token)


async def test_what_expired_unnoticed_is_forgotten_and_what_is_held_stays(shared: SharedLocks, store: Store) -> None:
    await shared.acquire(LOCAL, "short", wish(ttl=timedelta(microseconds=1)), NO_WAIT)
    await shared.acquire(LOCAL, "long", wish(), NO_WAIT)
    reader = SqlLocksReader(store)
    assert [lock.name for lock in (await reader.locks(DEFAULT_TENANT, 10, None)).items] == ["long"]
    assert await shared.forget_expired() == 1
    assert [row.name for row in await rows(store, semaphores)] == ["long"]


async def test_locks_are_listed_by_name_page_by_page(shared: SharedLocks, store: Store) -> None:
    for name in ("c", "a", "b"):
        await shared.acquire(LOCAL, name, wish(), NO_WAIT)
    await shared.acquire(ELSEWHERE, "theirs", wish(), NO_WAIT)
    reader = SqlLocksReader(store)
    page = await reader.locks(DEFAULT_TENANT, 2, None)
    assert [lock.name for lock in page.items] == ["a", "b"]
    last = await reader.locks(DEFAULT_TENANT, 2, page.next_cursor)
    assert ([lock.name for lock in last.items], last.next_cursor) == (["c"], None)


async def test_a_resource_refuses_whoever_was_replaced(shared: SharedLocks) -> None:
    older = (await shared.acquire(LOCAL, "deploy", wish(), NO_WAIT)).hold.token
    await shared.release(LOCAL, "deploy", older)
    newer = (await shared.acquire(LOCAL, "deploy", wish("bob"), NO_WAIT)).hold.token
    for token in (older, newer, newer):
        await shared.check(LOCAL, "ledger", token)
    with pytest.raises(StaleToken, match=f"has seen token {newer}; {older} is older"):
        await shared.check(LOCAL, "ledger", older)
    await shared.check(LOCAL, "another", older)
    await shared.check(ELSEWHERE, "ledger", older)


async def test_a_token_that_nobody_was_given_shuts_nobody_out(shared: SharedLocks) -> None:
    token = (await shared.acquire(LOCAL, "deploy", wish(), NO_WAIT)).hold.token
    for wrong in (token + 1, 0, -1):
        with pytest.raises(Invalid, match="No task or lock has had"):
            await shared.check(LOCAL, "ledger", wrong)
    await shared.check(LOCAL, "ledger", token)


async def test_of_many_that_check_at_once_the_highest_token_remains(begin: Begin) -> None:
    node = a_node(begin)
    tokens = []
    for _ in range(8):
        tokens.append((await node.acquire(LOCAL, "a", wish(), NO_WAIT)).hold.token)
        await node.release(LOCAL, "a", tokens[-1])
    await asyncio.gather(*(node.check(LOCAL, "ledger", token) for token in tokens), return_exceptions=True)
    await node.check(LOCAL, "ledger", tokens[-1])
    with pytest.raises(StaleToken):
        await node.check(LOCAL, "ledger", tokens[-2])


@pytest.mark.parametrize("name", ["", "x" * 256, "a\x00b"])
async def test_what_can_be_no_name_is_refused(shared: SharedLocks, name: str) -> None:
    for call in (
        shared.acquire(LOCAL, name, wish(), NO_WAIT),
        shared.extend(LOCAL, name, 1, MINUTE),
        shared.release(LOCAL, name, 1),
        shared.check(LOCAL, name, 1),
    ):
        with pytest.raises(Invalid):
            await call
