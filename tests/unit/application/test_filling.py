"""Parameters with places for what an event says, from the event to the task or to the ledger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from application.scheduling.event_intake import EventDecision, EventIntake
from application.scheduling.filling import LARGEST_FILLED
from domain.scheduling.admission import KeyKind, LimitKey
from domain.scheduling.ids import JobId
from domain.scheduling.inbound_event import InboundEvent
from domain.scheduling.job_types.built_in import BUILT_IN
from domain.scheduling.occurrence import Decision
from domain.shared.errors import Invalid
from domain.shared.json_value import JsonText
from tests.builders import CALENDARS, NOON
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command
from tests.unit.application.fakes import ANN

PAID = "com.shop.order.paid"
COMMAND = {"command": ["receipt", "${event.data.order}"], "env": {"EU": "${event.data.region:eu}"}}


def event(id_: str = "1", **data: Any) -> InboundEvent:
    said = {"id": id_, "source": "/shop", "type": PAID, "specversion": "1.0", "data": data}
    return InboundEvent(id=id_, source="/shop", type=PAID, document=JsonText(json.dumps(said)))


async def listen(cluster: Cluster, parameters: dict[str, Any], **fields: Any) -> JobId:
    given = {"overlap": "ALLOW", "trigger": {"type": "EVENT", "eventType": PAID}, **fields}
    return await cluster.jobs.create(ANN, command("send-receipt", active=True, parameters=parameters, **given))


async def receive(cluster: Cluster, *events: InboundEvent) -> list[EventDecision]:
    intake = EventIntake(cluster.store.begin, cluster.ids, CALENDARS, BUILT_IN, cluster.wake_up)
    return [decision for decisions in await intake.receive(ANN, events) for decision in decisions]


def parameters(cluster: Cluster) -> list[Any]:
    return [json.loads(task.parameters or "null") for task in cluster.store.tables.tasks.values()]


async def test_places_take_what_the_event_says_as_text_where_a_program_gets_it(cluster: Cluster) -> None:
    await listen(cluster, COMMAND)
    sent = event(order=7)
    await receive(cluster, sent)
    whole = json.loads(sent.document)
    assert parameters(cluster) == [{"command": ["receipt", "7"], "env": {"EU": "eu"}, "event": whole}]


async def test_a_handler_is_given_values_of_their_own_types(cluster: Cluster) -> None:
    given = {"order": "${event.data.order}", "note": "no ${event.data.order}", "plain": [1, "${HOME}"]}
    await listen(cluster, given, type="PYTHON", handler="send")
    await receive(cluster, event(order={"n": 7}))
    (made,) = parameters(cluster)
    assert made | {"event": 0} == {"order": {"n": 7}, "note": 'no {"n":7}', "plain": [1, "${HOME}"], "event": 0}


async def test_an_event_that_lacks_a_value_makes_no_task_and_the_ledger_says_which(cluster: Cluster) -> None:
    await listen(cluster, COMMAND)
    decisions = await receive(cluster, event("1"), event("2", order=7), event("3", other=7))
    reason = "the event has no data.order, which the job's parameters name"
    skipped, fired = (Decision.SKIPPED_PARAMETERS, reason), (Decision.FIRED, None)
    assert [(d.decision, d.reason) for d in decisions] == [skipped, fired, skipped]
    entries = sorted((e.decision, e.count, e.reason) for e in cluster.store.tables.occurrences.values())
    assert entries == [("FIRED", 1, None), ("SKIPPED_PARAMETERS", 2, reason)]


async def test_it_fires_when_it_is_delivered_again_to_a_job_that_has_a_default_by_then(cluster: Cluster) -> None:
    await listen(cluster, COMMAND)
    await receive(cluster, event())
    mended = {"parameters": {"command": ["receipt", "${event.data.order:none}"]}}
    await cluster.jobs.merge(ANN, "send-receipt", mended)
    (decision,) = await receive(cluster, event())
    assert (decision.decision, decision.repeated) == (Decision.FIRED, False)
    assert parameters(cluster)[0]["command"] == ["receipt", "none"]


async def test_values_that_the_jobs_type_refuses_make_no_task(cluster: Cluster) -> None:
    await listen(cluster, {"command": ["${event.data.program}", "x"]})
    (decision,) = await receive(cluster, event(program=" "))
    assert decision.decision is Decision.SKIPPED_PARAMETERS
    assert "command must be a list of words" in (decision.reason or "")


async def test_an_event_cannot_make_parameters_of_any_size(cluster: Cluster) -> None:
    await listen(cluster, {"command": ["echo", "${event.data.a}" * 100]})
    few, many = await receive(cluster, event("1", a="x" * 5_000), event("2", a="x" * 6_000))
    assert (few.decision, many.decision) == (Decision.FIRED, Decision.SKIPPED_PARAMETERS)
    assert str(LARGEST_FILLED) in (many.reason or "")


async def test_keys_are_made_of_filled_parameters(cluster: Cluster) -> None:
    limit = {"limit": 1, "key": "of-${param.env.WHO}"}
    given = {"command": ["true"], "env": {"WHO": "${event.data.customer}"}}
    await listen(cluster, given, concurrency=limit)
    await receive(cluster, event(customer="acme"))
    (task,) = cluster.store.tables.tasks.values()
    assert task.slot == LimitKey(KeyKind.SLOT, "default/of-acme")


async def test_a_closed_day_says_more_than_a_missing_value(cluster: Cluster) -> None:
    today = {"exclude": {"dates": [NOON.date().isoformat()]}}
    await listen(cluster, COMMAND, trigger={"type": "EVENT", "eventType": PAID, "calendar": today})
    (decision,) = await receive(cluster, event())
    assert decision.decision is Decision.SKIPPED_CALENDAR


async def test_a_paused_job_keeps_no_account_of_what_it_could_not_have_run(cluster: Cluster) -> None:
    await listen(cluster, COMMAND)
    await cluster.jobs.pause(ANN, "send-receipt")
    assert await receive(cluster, event()) == []


async def test_a_run_that_somebody_asks_for_has_defaults_or_is_refused(cluster: Cluster) -> None:
    await listen(cluster, COMMAND)
    with pytest.raises(Invalid) as refused:
        await cluster.jobs.run_now(ANN, "send-receipt")
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.code) == ("/parameters/command/1", "NO_EVENT")
    assert "${event.data.order:" in problem.detail
    given = JsonText(json.dumps({"command": ["receipt", "7", "${event.data.region:eu}"]}))
    await cluster.jobs.run_now(ANN, "send-receipt", given)
    await cluster.jobs.run_now(ANN, "send-receipt", JsonText('{"command": ["true"]}'))
    assert parameters(cluster) == [{"command": ["receipt", "7", "eu"]}, {"command": ["true"]}]


async def test_a_job_by_the_clock_leaves_such_texts_alone(cluster: Cluster) -> None:
    await listen(cluster, {"command": ["true"]}, trigger={"type": "MANUAL"})
    await cluster.jobs.run_now(ANN, "send-receipt", JsonText('{"command": ["${event.id}"]}'))
    assert parameters(cluster) == [{"command": ["${event.id}"]}]
