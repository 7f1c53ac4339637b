"""An event finds the jobs that listen to it, each with what it takes to decide."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy as sa

from domain.scheduling.errors import AlreadyFired, JobNotFound
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.inbound_event import InboundEvent
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy
from domain.scheduling.ports.listener_queue import Fire, Listener
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import Origin
from domain.shared.ids import DEFAULT_TENANT, TenantId
from domain.shared.json_value import JsonText
from domain.timing.event_pattern import EventPattern
from domain.timing.trigger import TriggerState
from domain.timing.triggers.event import EventTrigger
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.tables import event_listeners, jobs, occurrences
from tests.contract.builders import add_job, decided, new_task, rows
from tests.contract.conftest import Begin

PAID = "com.shop.paid"
EVENT = InboundEvent(id="7", source="/shop", type=PAID, document=JsonText("{}"))


async def listening(begin: Begin, name: str, *types: str, active: bool = True, **definition: object) -> Schedule:
    """A committed job that listens to these types of events."""
    job = await add_job(begin, name, trigger=EventTrigger(event_type=types[0]), **definition)
    async with begin() as work:
        lane = await work.lanes.number(job.lane)
        schedule = Schedule(
            job_id=job.id,
            job_version=1,
            lane=lane,
            policy=FiringPolicy(),
            state=TriggerState(),
            upcoming=(),
            active=active,
            exhausted=True,
        )
        await work.schedules.put(schedule)
        await work.listeners.put(job.id, [EventPattern(type_) for type_ in types])
        await work.commit()
    return schedule


async def take(begin: Begin, event: InboundEvent = EVENT, tenant: str = DEFAULT_TENANT) -> Sequence[Listener]:
    """All that an event concerns."""
    async with begin() as work:
        listening = await work.listeners.listening(TenantId(tenant), [event.type])
        return await work.listeners.take(listening[event.type])


async def fired(begin: Begin, *fires: Fire) -> Mapping[Fire, TaskId]:
    async with begin() as work:
        return await work.listeners.fired(fires)


async def fire(begin: Begin, listener: Listener, event: InboundEvent = EVENT) -> None:
    async with begin() as work:
        schedule = await work.schedules.take(listener.schedule.job_id)
        task = new_task(schedule, work.now, Origin.EVENT, fire_key=event.fire_key)
        entry = {"fire_key": event.fire_key, "task_id": task.id}
        known = replace(schedule, upcoming=(work.now,))
        fired = Fired(occurrences=[decided(known, Decision.FIRED, **entry)], tasks=[task], schedules=[schedule])
        await work.schedules.record(fired)
        await work.commit()


async def test_a_job_is_found_by_the_type_that_it_listens_to(begin: Begin) -> None:
    exact = await listening(begin, "exact", PAID)
    prefix = await listening(begin, "prefix", "com.shop.*")
    any_ = await listening(begin, "any", "*")
    several = await listening(begin, "several", "com.shop.sent", PAID, "com.*")
    others = ["com.shop.sent", PAID + ".*", "com.shop", "COM.*"]
    for n, type_ in enumerate(others):
        await listening(begin, f"other-{n}", type_)
    found = await take(begin)
    assert {x.schedule.job_id for x in found} == {s.job_id for s in (exact, prefix, any_, several)}
    assert len(found) == 4


async def test_a_listener_comes_with_all_that_a_decision_needs(begin: Begin) -> None:
    schedule = await listening(begin, "pay", PAID, parameters={"command": ["echo", "ü"]})
    async with begin() as work:
        await work.schedules.record(
            Fired(occurrences=[], tasks=[new_task(schedule, work.now, Origin.MANUAL)], schedules=[])
        )
        await work.commit()
    (found,) = await take(begin)
    assert (found.schedule.job_id, found.schedule.live) == (schedule.job_id, 1)
    facts = (found.job_name, found.job_type, json.loads(found.parameters))
    assert facts == ("pay", "COMMAND", {"command": ["echo", "ü"]})
    assert found.trigger == EventTrigger(event_type=PAID)


async def test_a_fire_in_the_ledger_is_known_with_its_task(begin: Begin, store: Store) -> None:
    first, second = await listening(begin, "one", PAID), await listening(begin, "two", PAID)
    for listener in await take(begin):
        if listener.schedule.job_id == first.job_id:
            await fire(begin, listener)
            with pytest.raises(AlreadyFired):
                await fire(begin, listener)
    (entry,) = await rows(store, occurrences)
    key = EVENT.fire_key
    asked = [(first.job_id, key), (second.job_id, key), (first.job_id, key + "1")]
    assert await fired(begin, *asked) == {(first.job_id, key): entry.task_id}
    assert await fired(begin) == {}


async def test_a_decision_not_to_run_is_no_fire(begin: Begin) -> None:
    schedule = await listening(begin, "pay", PAID)
    async with begin() as work:
        known = replace(schedule, upcoming=(work.now,))
        skipped = decided(known, Decision.SKIPPED_OVERLAP, fire_key=EVENT.fire_key)
        await work.schedules.record(Fired(occurrences=[skipped], tasks=[], schedules=[schedule]))
        await work.commit()
    assert await fired(begin, (schedule.job_id, EVENT.fire_key)) == {}


async def test_jobs_that_are_not_active_are_found_as_such_and_another_tenants_not_at_all(begin: Begin) -> None:
    await listening(begin, "paused", PAID, active=False)
    await listening(begin, "pay", PAID)
    assert {(x.job_name, x.schedule.active) for x in await take(begin)} == {("paused", False), ("pay", True)}
    assert await take(begin, tenant="somebody-else") == []


async def test_they_come_in_the_order_of_their_ids_whatever_the_order_asked_for(begin: Begin) -> None:
    added = sorted([(await listening(begin, f"job-{n}", PAID)).job_id for n in range(5)])
    async with begin() as work:
        some = await work.listeners.take([added[3], added[0], added[2]])
    assert [x.schedule.job_id for x in some] == [added[0], added[2], added[3]]


async def test_many_types_are_looked_up_at_once(begin: Begin) -> None:
    pay, any_ = await listening(begin, "pay", PAID, "com.shop.s*"), await listening(begin, "any", "com.*")
    async with begin() as work:
        found = await work.listeners.listening(DEFAULT_TENANT, {PAID, "com.shop.sent", "com.x", "org"})
        assert await work.listeners.listening(DEFAULT_TENANT, ()) == {}
    both = sorted([pay.job_id, any_.job_id])
    assert found == {PAID: both, "com.shop.sent": both, "com.x": [any_.job_id], "org": []}


async def test_a_job_listens_to_what_was_said_last(begin: Begin, store: Store) -> None:
    schedule = await listening(begin, "pay", PAID)
    for patterns in ([EventPattern("a", "/s*"), EventPattern("a")], []):
        async with begin() as work:
            await work.listeners.put(schedule.job_id, patterns)
            await work.commit()
        assert {(r.event_type, r.source) for r in await rows(store, event_listeners)} == {
            (p.type, p.source) for p in patterns
        }
        assert await take(begin) == []


async def test_an_unknown_job_cannot_listen(begin: Begin) -> None:
    async with begin() as work:
        with pytest.raises(JobNotFound):
            await work.listeners.put(JobId(uuid4()), [EventPattern(PAID)])


async def test_a_trigger_that_cannot_be_read_is_left_to_those_who_can(begin: Begin, store: Store) -> None:
    schedule = await listening(begin, "pay", PAID)
    async with store.engine.begin() as connection:
        of_a_later_version = '{"name":"pay","type":"COMMAND","trigger":{"type":"MOON"}}'
        change = sa.update(jobs).where(jobs.c.id == schedule.job_id).values(spec=of_a_later_version)
        await connection.execute(change)
    assert [x.trigger for x in await take(begin)] == [None]


async def test_two_deliveries_of_an_event_take_turns(begin: Begin, store: Store) -> None:
    jobs_ = [(await listening(begin, f"job-{n}", PAID)).job_id for n in range(3)]

    async def receive() -> int:
        async with begin() as work:
            taken = await work.listeners.take(jobs_)
            known = await work.listeners.fired([(job_id, EVENT.fire_key) for job_id in jobs_])
            fresh = [x for x in taken if (x.schedule.job_id, EVENT.fire_key) not in known]
            await asyncio.sleep(0.01)
            for listener in fresh:
                schedule = listener.schedule
                task = new_task(schedule, work.now, Origin.EVENT, fire_key=EVENT.fire_key)
                due = replace(schedule, upcoming=(work.now,))
                entry = decided(due, Decision.FIRED, fire_key=EVENT.fire_key, task_id=task.id)
                await work.schedules.record(Fired(occurrences=[entry], tasks=[task], schedules=[]))
            await work.commit()
        return len(fresh)

    assert sorted(await asyncio.gather(*(receive() for _ in range(5)))) == [0, 0, 0, 0, 3]
    assert len(await rows(store, occurrences)) == 3


async def test_a_delivery_that_is_killed_leaves_nothing(begin: Begin, store: Store) -> None:
    schedule = await listening(begin, "pay", PAID)
    async with begin() as work:
        (listener,) = await work.listeners.take([schedule.job_id])
        task = new_task(listener.schedule, work.now, Origin.EVENT, fire_key=EVENT.fire_key)
        await work.schedules.record(Fired(occurrences=[], tasks=[task], schedules=[]))
    assert await rows(store, occurrences) == []
    (again,) = await take(begin)
    assert again.schedule.live == 0
