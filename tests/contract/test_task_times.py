"""An exchange tells how long what it handed out had waited, and how long what it settled had run."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.scheduling.task_status import TaskStatus
from infrastructure.sql.engine import Store
from tests.contract.hot_tasks import Begin, HotTasks, ended, leases, wish

MINUTE = timedelta(minutes=1)
ROOM = 30
"""Seconds that a slow machine may take between two calls."""


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def test_waits_are_counted_from_when_a_task_was_ready(hot: HotTasks) -> None:
    session, job = await hot.session(), await hot.job()
    await hot.add(job, after=-5 * MINUTE)
    await hot.add(job, after=-MINUTE)
    answer = await hot.exchange.exchange(session, (), wish(5))
    short, long = sorted(answer.waits)
    assert 60 <= short < 60 + ROOM
    assert 300 <= long < 300 + ROOM


async def test_a_repeated_claim_tells_no_wait_twice(hot: HotTasks) -> None:
    session, claim_id = await hot.session(), uuid4()
    await hot.add(await hot.job(), 2)
    first = await hot.exchange.exchange(session, (), wish(5, claim_id=claim_id))
    again = await hot.exchange.exchange(session, (), wish(5, claim_id=claim_id))
    assert (len(first.waits), len(again.claimed), list(again.waits)) == (2, 2, [])


async def test_durations_are_counted_from_the_start_of_an_attempt_however_it_ended(hot: HotTasks) -> None:
    session = await hot.session()
    done, failed, retried = await hot.running(session, 3)
    for lease, minutes in ((done, 1), (failed, 2), (retried, 3)):
        row = await hot.live(lease[0])
        await hot.put(lease[0], started_at=row.started_at - minutes * MINUTE)
    settlements = [
        ended(done),
        ended(failed, TaskStatus.FAILED),
        ended(retried, TaskStatus.WAITING_RETRY, ready_at=(await hot.live(retried[0])).ready_at),
    ]
    answer = await hot.exchange.exchange(session, settlements, None)
    assert [int(seconds // 60) for seconds in sorted(answer.durations)] == [1, 2, 3]
    again = await hot.exchange.exchange(session, settlements, None)
    assert list(again.durations) == []


async def test_what_never_began_has_no_duration(hot: HotTasks) -> None:
    session = await hot.session()
    await hot.add(await hot.job(), 2)
    first, second = leases(await hot.claim(session, 2, started=False))
    await hot.exchange.start(session, [first])
    answer = await hot.exchange.exchange(session, [ended(first), ended(second, TaskStatus.FAILED)], None)
    assert len(answer.applied) == 2
    assert len(answer.durations) == 1
