"""A lock that users share: never more holders than permits, nobody's hold touched by another."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.operations.errors import LockHeld, LockLost, LockPermitsDiffer
from domain.operations.semaphore import LONGEST_HOLD, Semaphore, Wish
from domain.shared.errors import Invalid
from domain.shared.ids import DEFAULT_TENANT
from tests.builders import MINUTE, NOON, uid


def semaphore(permits: int = 1) -> Semaphore:
    return Semaphore(tenant=DEFAULT_TENANT, name="deploy", permits=permits)


def wish(owner: str = "ann", **more: Any) -> Wish:
    given: dict[str, Any] = {"owner": owner, "ttl": MINUTE} | more
    return Wish(**given)


def test_a_lock_has_one_holder_until_it_is_released() -> None:
    lock = semaphore()
    hold = lock.acquire(wish(), 7, NOON)
    assert (hold.token, hold.owner, hold.expires_at) == (7, "ann", NOON + MINUTE)
    with pytest.raises(LockHeld, match="is held by 'ann'"):
        lock.acquire(wish("bob"), 8, NOON)
    assert lock.release(7, NOON)
    assert not lock.release(7, NOON)
    assert lock.acquire(wish("bob"), 9, NOON).owner == "bob"


def test_a_semaphore_has_as_many_holders_as_permits() -> None:
    lock = semaphore(3)
    for token in (1, 2, 3):
        lock.acquire(wish(f"w{token}", permits=3), token, NOON)
    with pytest.raises(LockHeld, match="3 permits, all held, by 'w1', 'w2', 'w3'"):
        lock.acquire(wish("w4", permits=3), 4, NOON)
    lock.release(2, NOON)
    lock.acquire(wish("w4", permits=3), 5, NOON)
    assert [hold.token for hold in lock.held(NOON)] == [1, 3, 5]


def test_all_who_share_a_lock_name_the_same_number_of_permits_while_it_is_held() -> None:
    lock = semaphore(2)
    hold = lock.acquire(wish(permits=2), 1, NOON)
    with pytest.raises(LockPermitsDiffer, match="held with 2 permits, not 5"):
        lock.acquire(wish(permits=5), 2, NOON)
    lock.release(hold.token, NOON)
    lock.acquire(wish(permits=5), 3, NOON)
    assert lock.permits == 5


def test_a_hold_that_has_expired_makes_room_and_cannot_be_extended_or_released() -> None:
    lock = semaphore()
    lock.acquire(wish(), 1, NOON)
    later = NOON + MINUTE
    with pytest.raises(LockLost, match="token 1 any more"):
        lock.extend(1, MINUTE, later)
    assert lock.acquire(wish("bob"), 2, later).token == 2
    assert not lock.release(1, later)
    assert [hold.owner for hold in lock.held(later)] == ["bob"]


def test_an_extended_hold_counts_from_now_and_keeps_its_token() -> None:
    lock = semaphore(2)
    lock.acquire(wish(permits=2), 1, NOON)
    lock.acquire(wish("bob", permits=2), 2, NOON)
    longer = lock.extend(1, 3 * MINUTE, NOON + MINUTE / 2)
    assert (longer.token, longer.owner, longer.acquired_at) == (1, "ann", NOON)
    assert longer.expires_at == NOON + MINUTE / 2 + 3 * MINUTE
    assert [hold.token for hold in lock.held(NOON + MINUTE)] == [1]


def test_a_repeated_request_finds_the_hold_it_has() -> None:
    lock = semaphore()
    hold = lock.acquire(wish(request_id=uid(1)), 1, NOON)
    assert lock.repeated(wish(request_id=uid(1)), NOON) == hold
    assert lock.repeated(wish(request_id=uid(2)), NOON) is None
    assert lock.repeated(wish(), NOON) is None
    assert lock.repeated(wish(request_id=uid(1)), NOON + MINUTE) is None


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"owner": ""}, "/owner"),
        ({"owner": "x" * 257}, "/owner"),
        ({"owner": "a\x00"}, "/owner"),
        ({"ttl": timedelta(0)}, "/ttl"),
        ({"ttl": LONGEST_HOLD + MINUTE}, "/ttl"),
        ({"permits": 0}, "/permits"),
        ({"permits": 1001}, "/permits"),
    ],
)
def test_a_wish_that_makes_no_sense_cannot_exist(wrong: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        wish(**wrong)
    assert pointer in {problem.pointer for problem in refused.value.problems}


Step = tuple[str, int]
steps = st.lists(st.tuples(st.sampled_from(["acquire", "release", "extend", "wait"]), st.integers(1, 8)), max_size=40)


@given(permits=st.integers(1, 3), steps=steps)
def test_whatever_happens_there_are_never_more_holders_than_permits(permits: int, steps: list[Step]) -> None:
    lock, now, last = semaphore(permits), NOON, 0
    expected: dict[int, datetime] = {}
    for verb, number in steps:
        expected = {token: until for token, until in expected.items() if until > now}
        if verb == "acquire":
            last += 1
            try:
                expected[last] = lock.acquire(wish(permits=permits), last, now).expires_at
            except LockHeld:
                assert len(expected) == permits
        elif verb == "release":
            assert lock.release(number, now) == (number in expected)
            expected.pop(number, None)
        elif verb == "extend":
            try:
                expected[number] = lock.extend(number, number * MINUTE, now).expires_at
            except LockLost:
                assert number not in expected
        else:
            now += number * MINUTE / 4
            expected = {token: until for token, until in expected.items() if until > now}
        assert {hold.token for hold in lock.held(now)} == set(expected)
        assert len(lock.held(now)) <= permits
