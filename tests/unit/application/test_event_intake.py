"""Events make jobs fire: each once, whatever is delivered how often."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from application.scheduling.event_intake import BATCH, EventDecision, EventIntake
from application.scheduling.job_document import JobChanges
from application.scheduling.planner import Planner
from application.shared.wake_up import OPENINGS, lane_topic
from domain.scheduling.errors import AlreadyFired
from domain.scheduling.ids import JobId
from domain.scheduling.inbound_event import (
    LARGEST_EVENT,
    LONGEST_ID,
    LONGEST_SOURCE,
    InboundEvent,
    InvalidEvent,
)
from domain.scheduling.job_types.built_in import BUILT_IN
from domain.scheduling.occurrence import Decision, event_fire_key
from domain.scheduling.task import Origin
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.json_value import JsonText
from tests.builders import CALENDARS, HOUR, MINUTE, NOON
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command
from tests.unit.application.fake_store import Tables
from tests.unit.application.fakes import ANN

PAID = "com.shop.order.paid"


def event(id_: str = "1", type_: str = PAID, source: str = "/shop") -> InboundEvent:
    document = JsonText(
        json.dumps({"id": id_, "source": source, "type": type_, "specversion": "1.0", "data": {"a": 1}})
    )
    return InboundEvent(id=id_, source=source, type=type_, document=document)


class Shop:
    """Jobs that listen to events."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.intake = EventIntake(cluster.store.begin, cluster.ids, CALENDARS, BUILT_IN, cluster.wake_up)

    def tables(self) -> Tables:
        return self.cluster.store.tables

    async def listen(self, name: str = "send-receipt", overlap: str = "ALLOW", **trigger: object) -> JobId:
        given = {"type": "EVENT", "eventType": PAID, **trigger}
        return await self.cluster.jobs.create(ANN, command(name, active=True, overlap=overlap, trigger=given))

    async def receive(self, *events: InboundEvent) -> list[EventDecision]:
        """Each delivered alone."""
        return [decision for each in events for decision in (await self.intake.receive(ANN, [each]))[0]]

    async def receive_together(self, *events: InboundEvent) -> list[list[EventDecision]]:
        return [list(found) for found in await self.intake.receive(ANN, events)]


@pytest.fixture
def shop(cluster: Cluster) -> Shop:
    return Shop(cluster)


async def test_an_event_that_nobody_listens_to_does_nothing(shop: Shop) -> None:
    await shop.listen(eventType="com.shop.order.refunded")
    await shop.listen("other-source", source="/elsewhere")
    assert await shop.receive(event()) == []
    assert not shop.tables().tasks


async def test_a_job_that_is_meant_fires_and_its_task_has_the_event(shop: Shop) -> None:
    job_id = await shop.listen()
    (decision,) = await shop.receive(event())
    (task,) = shop.tables().tasks.values()
    assert decision == EventDecision(job_id=job_id, job_name="send-receipt", decision=Decision.FIRED, task_id=task.id)
    assert (task.origin, task.fire_key, task.scheduled_time, task.gate) == (Origin.EVENT, "event:/shop:1", NOON, None)
    assert json.loads(task.parameters or "") == {"command": ["true"], "event": json.loads(event().document)}
    (entry,) = shop.tables().occurrences.values()
    assert (entry.decision, entry.first_nominal, entry.planned_at, entry.task_id) == ("FIRED", NOON, NOON, task.id)
    assert (lane_topic(1), 1) in shop.cluster.wake_up.hints


async def test_the_same_event_again_answers_the_same_task(shop: Shop) -> None:
    await shop.listen()
    (first,) = await shop.receive(event())
    shop.cluster.pass_time(HOUR)
    (second,) = await shop.receive(event())
    assert second == replace(first, repeated=True)
    assert len(shop.tables().tasks) == 1


async def test_another_id_or_source_is_another_event(shop: Shop) -> None:
    await shop.listen(eventType="*")
    decisions = await shop.receive(event("1"), event("2"), event("1", source="/other"), event("1", type_="sent"))
    assert [d.repeated for d in decisions] == [False, False, False, True]


async def test_a_fire_in_the_way_of_another_is_skipped_and_noted_once_with_a_count(shop: Shop) -> None:
    await shop.listen(overlap="SKIP")
    fired, *skipped = await shop.receive(event("1"), event("2"), event("3"))
    assert fired.decision is Decision.FIRED
    assert {(d.decision, d.task_id, d.reason) for d in skipped} == {
        (Decision.SKIPPED_OVERLAP, None, "1 earlier task(s) still unfinished")
    }
    entries = [(e.decision, e.count, e.fire_key) for e in shop.tables().occurrences.values()]
    assert entries == [("FIRED", 1, "event:/shop:1"), ("SKIPPED_OVERLAP", 2, "event:/shop:2")]


async def test_an_event_that_was_skipped_may_fire_when_it_is_delivered_again(shop: Shop) -> None:
    await shop.listen(overlap="SKIP")
    await shop.receive(event("1"), event("2"))
    tasks = shop.tables().tasks
    for task in tasks.values():
        tasks[task.id] = replace(task, status=TaskStatus.COMPLETED)
    (decision,) = await shop.receive(event("2"))
    assert (decision.decision, decision.repeated) == (Decision.FIRED, False)


@pytest.mark.parametrize("rest", ["pause", "disable", "delete"])
async def test_a_job_that_is_not_active_hears_nothing(shop: Shop, rest: str) -> None:
    job_id = await shop.listen()
    jobs = shop.cluster.jobs
    match rest:
        case "pause":
            await jobs.pause(ANN, job_id)
        case "disable":
            await jobs.disable(ANN, job_id, "broken")
        case "delete":
            await jobs.delete(ANN, job_id)
    assert await shop.receive(event()) == []


async def test_a_job_listens_to_what_its_present_trigger_says(shop: Shop) -> None:
    job_id = await shop.listen()
    await shop.listen("other", eventType="com.shop.*")
    await shop.cluster.jobs.replace_fields(ANN, job_id, JobChanges(trigger=None))
    assert [d.job_name for d in await shop.receive(event())] == ["other"]


async def test_executions_are_limited_and_what_the_limit_keeps_back_is_not_answered(shop: Shop) -> None:
    job_id = await shop.listen(maxExecutions=2)
    assert len(await shop.receive(event("1"), event("2"), event("3"))) == 2
    schedule = shop.tables().schedules[job_id]
    assert (schedule.state.fired_count, schedule.exhausted) == (2, True)
    assert [d.repeated for d in await shop.receive(event("1"))] == [True]


async def test_events_outside_the_window_are_not_meant(shop: Shop) -> None:
    await shop.listen(startAt=(NOON + MINUTE).isoformat())
    assert await shop.receive(event()) == []
    shop.cluster.pass_time(MINUTE)
    assert len(await shop.receive(event())) == 1


async def test_jitter_delays_the_start(shop: Shop) -> None:
    await shop.listen(jitter="PT1H")
    await shop.receive(event())
    (task,) = shop.tables().tasks.values()
    assert NOON < task.scheduled_time <= NOON + HOUR
    assert task.gate is Gate.TIME
    assert OPENINGS in shop.cluster.wake_up.topics
    assert not {lane_topic(1)} & shop.cluster.wake_up.topics


async def test_what_the_clock_has_planned_stays_as_it_is(shop: Shop) -> None:
    parts = [{"type": "CRON", "expression": "@hourly"}, {"type": "EVENT", "eventType": PAID}]
    job_id = await shop.cluster.jobs.create(
        ANN, command(active=True, overlap="ALLOW", trigger={"type": "ANY_OF", "triggers": parts})
    )
    before = shop.tables().schedules[job_id]
    await shop.receive(event())
    after = shop.tables().schedules[job_id]
    assert after == replace(before, state=replace(before.state, fired_count=1))
    shop.cluster.pass_time(HOUR)
    await Planner(shop.cluster.store.begin, shop.cluster.ids, CALENDARS, shop.cluster.wake_up).tick()
    origins = [task.origin for task in shop.tables().tasks.values()]
    assert origins == [Origin.EVENT, Origin.SCHEDULE]


async def test_an_event_may_concern_any_number_of_jobs(shop: Shop) -> None:
    jobs = [await shop.listen(f"job-{n}") for n in range(2 * BATCH + 3)]
    before = shop.cluster.store.commits
    assert {d.job_id for d in await shop.receive(event())} == set(jobs)
    assert shop.cluster.store.commits - before == 3
    assert all(d.repeated for d in await shop.receive(event()))


async def test_a_delivery_that_broke_off_is_completed_by_the_next(shop: Shop) -> None:
    for n in range(BATCH + 1):
        await shop.listen(f"job-{n}")
    commits = 0

    def dies_at_the_second(_tables: object) -> None:
        nonlocal commits
        commits += 1
        if commits == 2:
            raise AlreadyFired("killed")

    shop.cluster.store.before_commit = dies_at_the_second
    with pytest.raises(AlreadyFired):
        await shop.receive(event())
    shop.cluster.store.before_commit = lambda _tables: None
    decisions = await shop.receive(event())
    assert [d.repeated for d in decisions] == [True] * BATCH + [False]
    assert len(shop.tables().tasks) == BATCH + 1


async def test_a_batch_is_decided_as_if_each_event_had_come_alone(shop: Shop) -> None:
    await shop.listen("any", overlap="ALLOW", eventType="*")
    await shop.listen("one-at-a-time", overlap="SKIP")
    await shop.listen("twice", overlap="ALLOW", maxExecutions=2)
    events = [event("1"), event("2"), event("1"), event("3"), event("1", type_="sent", source="/s2")]
    found = await shop.receive_together(*events)
    told = [{d.job_name: (d.decision.value, d.repeated) for d in decisions} for decisions in found]
    fired, again, skipped = ("FIRED", False), ("FIRED", True), ("SKIPPED_OVERLAP", False)
    assert told == [
        {"any": fired, "one-at-a-time": fired, "twice": fired},
        {"any": fired, "one-at-a-time": skipped, "twice": fired},
        {"any": again, "one-at-a-time": again, "twice": again},
        {"any": fired, "one-at-a-time": skipped},
        {"any": fired},
    ]
    assert found[0][0].task_id == found[2][0].task_id
    assert len(shop.tables().tasks) == 7
    assert shop.cluster.store.commits == 4


async def test_a_large_batch_takes_several_transactions_and_loses_nothing(shop: Shop) -> None:
    await shop.listen()
    before = shop.cluster.store.commits
    found = await shop.receive_together(*(event(str(n)) for n in range(2 * BATCH + 1)))
    assert all(decisions[0].decision is Decision.FIRED for decisions in found)
    assert shop.cluster.store.commits - before == 3
    assert len(shop.tables().tasks) == 2 * BATCH + 1


async def test_no_events_are_no_work(shop: Shop) -> None:
    assert await shop.receive_together() == []


def test_two_events_never_share_a_key() -> None:
    keys = {
        event_fire_key(s, i) for s, i in (("a", "b:c"), ("a:b", "c"), ("a", "b%3Ac"), ("a:b:c", ""), ("a%3Ab", "c"))
    }
    assert len(keys) == 5


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"id": ""}, "/id"),
        ({"id": "x" * (LONGEST_ID + 1)}, "/id"),
        ({"id": "a\x00"}, "/id"),
        ({"source": "ü" * (LONGEST_SOURCE // 2 + 1)}, "/source"),
        ({"type": "a\nb"}, "/type"),
        ({"document": " " * (LARGEST_EVENT + 1)}, ""),
    ],
)
def test_what_is_no_event_is_refused_where_it_stands(given: dict[str, str], pointer: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        InboundEvent(**{"id": "1", "source": "/s", "type": "t", "document": JsonText("{}"), **given})  # type: ignore[arg-type]
    assert [p.pointer for p in refused.value.problems] == [pointer]


async def test_an_event_that_a_calendar_takes_out_is_in_the_ledger_and_may_fire_later(shop: Shop) -> None:
    today = {"exclude": {"dates": [str(NOON.date())]}}
    await shop.listen(calendar=today)
    (decision,) = await shop.receive(event())
    assert (decision.decision, decision.reason) == (Decision.SKIPPED_CALENDAR, f"date {NOON.date()}")
    (entry,) = shop.tables().occurrences.values()
    assert (entry.decision, entry.fire_key, entry.count) == (Decision.SKIPPED_CALENDAR, event_fire_key("/shop", "1"), 1)
    assert not shop.tables().tasks
    shop.cluster.store.now += 24 * HOUR
    assert [found.decision for found in await shop.receive(event())] == [Decision.FIRED]


async def test_of_a_union_one_open_part_is_enough(shop: Shop) -> None:
    today = {"exclude": {"dates": [str(NOON.date())]}}
    closed = {"type": "EVENT", "eventType": PAID, "calendar": today}
    job = {"type": "ANY_OF", "triggers": [closed, {"type": "EVENT", "eventType": "com.shop.*"}]}
    await shop.cluster.jobs.create(ANN, command("open", active=True, trigger=job))
    await shop.cluster.jobs.create(ANN, command("closed", active=True, trigger={**job, "triggers": [closed]}))
    decided = {found.job_name: found.decision for found in await shop.receive(event())}
    assert decided == {"open": Decision.FIRED, "closed": Decision.SKIPPED_CALENDAR}


async def test_a_filter_chooses_among_events_by_all_that_they_say(shop: Shop) -> None:
    await shop.listen("one", filter="event.data.a == 1 && event.source.startsWith('/sh')")
    await shop.listen("two", filter="event.data.a == 2")
    await shop.listen("none", filter="event.data.missing.deeper > 1")
    assert [found.job_name for found in await shop.receive(event())] == ["one"]


async def test_a_closed_part_counts_only_if_its_filter_matches(shop: Shop) -> None:
    today = {"exclude": {"dates": [str(NOON.date())]}}
    closed = {"type": "EVENT", "eventType": PAID, "calendar": today}
    other = {"type": "EVENT", "eventType": PAID, "filter": "event.data.a == 2"}
    union = {"type": "ANY_OF", "triggers": [closed, other]}
    await shop.cluster.jobs.create(ANN, command("both", active=True, trigger=union))
    assert [found.decision for found in await shop.receive(event())] == [Decision.SKIPPED_CALENDAR]
