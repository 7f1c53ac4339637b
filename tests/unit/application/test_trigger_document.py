"""Triggers as JSON and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given

from application.scheduling.documents import instant_or_none
from application.scheduling.trigger_document import TriggerDocument, trigger_document_of, trigger_of
from application.scheduling.triggers.cron import CronDocument
from application.scheduling.triggers.fixed_rate import FixedRateDocument
from application.scheduling.triggers.manual import ManualDocument
from domain.shared.errors import Invalid
from domain.timing.trigger import Trigger
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.manual import ManualTrigger
from tests.builders import NOON, TimesTrigger
from tests.unit.application.strategies import triggers


def problem(document: TriggerDocument) -> tuple[str, str]:
    """Pointer and code of the first thing wrong."""
    with pytest.raises(Invalid) as refused:
        trigger_of(document)
    found = refused.value.problems[0]
    return found.pointer, found.code


def read(**fields: object) -> TriggerDocument:
    """A document as a request brings it."""
    document: TriggerDocument = msgspec.json.decode(msgspec.json.encode(fields), type=TriggerDocument)
    return document


@given(triggers)
def test_a_trigger_comes_back_from_its_document_as_it_was(trigger: Trigger) -> None:
    text = msgspec.json.encode(trigger_document_of(trigger))
    assert trigger_of(msgspec.json.decode(text, type=TriggerDocument)) == trigger


def test_an_expression_is_in_utc_unless_a_zone_is_given() -> None:
    trigger = trigger_of(CronDocument(expression="0 2 * * *"))
    assert isinstance(trigger, CronTrigger)
    assert (trigger.zone.name, trigger.jitter, trigger.max_executions) == ("UTC", timedelta(0), None)
    assert trigger_of(ManualDocument()) == ManualTrigger()


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"expression": "61 * * * *"}, "/expression", "OUT_OF_RANGE"),
        ({"expression": "0 0 31 2 *"}, "/expression", "NEVER_FIRES"),
        ({"time_zone": "Europe/Berlim"}, "/timeZone", "UNKNOWN_TIME_ZONE"),
        ({"jitter": "5"}, "/jitter", "SYNTAX"),
        ({"jitter": "-5s"}, "/jitter", "SYNTAX"),
        ({"window": "5"}, "/window", "SYNTAX"),
        ({"window": "5s", "jitter": "5s"}, "/window", "CONTRADICTION"),
        ({"max_executions": 0}, "/maxExecutions", "OUT_OF_RANGE"),
        ({"start_at": NOON.replace(tzinfo=None)}, "/startAt", "NO_OFFSET"),
        ({"end_at": NOON.replace(tzinfo=None)}, "/endAt", "NO_OFFSET"),
        ({"start_at": NOON, "end_at": NOON}, "/endAt", "OUT_OF_ORDER"),
        ({"start_at": datetime.fromisoformat("0001-01-01T00:00+10:00")}, "/startAt", "OUT_OF_RANGE"),
        ({"end_at": datetime.fromisoformat("9999-12-31T23:00-10:00")}, "/endAt", "OUT_OF_RANGE"),
    ],
)
def test_what_makes_no_trigger_is_refused_where_it_stands(fields: dict[str, Any], pointer: str, code: str) -> None:
    given = {"expression": "* * * * *", **fields}
    found = problem(CronDocument(**given))
    if pointer == "/expression":  # where exactly in the expression, the trigger's own tests say
        assert found[0].startswith(pointer)
    else:
        assert found == (pointer, code)


def test_a_problem_of_an_expression_tells_the_place_in_it() -> None:
    with pytest.raises(Invalid) as refused:
        trigger_of(CronDocument(expression="0 25 * * *"))
    assert [(p.pointer[:11], p.offset) for p in refused.value.problems] == [("/expression", 2)]


def test_instants_are_kept_in_utc() -> None:
    berlin = datetime.fromisoformat("2031-05-06T14:00+02:00")
    kept = instant_or_none(berlin, "/startAt")
    assert (kept, kept and kept.tzinfo) == (NOON, UTC)
    assert instant_or_none(None, "/startAt") is None


def test_the_end_of_the_calendar_may_be_the_end_of_a_trigger() -> None:
    forever = datetime.fromisoformat("9999-12-31T23:59:59.999999+00:00")
    assert trigger_of(CronDocument(expression="* * * * *", end_at=forever)).end_at == forever


def test_a_type_of_trigger_that_has_no_document_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="TimesTrigger has no document"):
        trigger_document_of(TimesTrigger(times=()))


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"type": "FIXED_RATE", "every": "soon"}, "/every", "SYNTAX"),
        ({"type": "FIXED_RATE", "every": "1ms"}, "/every", "OUT_OF_RANGE"),
        ({"type": "FIXED_RATE", "every": "1h", "anchor": "2031-05-06T12:00:00"}, "/anchor", "NO_OFFSET"),
        ({"type": "FIXED_RATE", "every": "1h", "initialDelay": "400d"}, "/initialDelay", "OUT_OF_RANGE"),
        ({"type": "FIXED_DELAY", "delay": ""}, "/delay", "SYNTAX"),
        ({"type": "FIXED_DELAY", "delay": "PT0S"}, "/delay", "OUT_OF_RANGE"),
        ({"type": "FIXED_DELAY", "delay": "1h", "initialDelay": "-1h"}, "/initialDelay", "SYNTAX"),
        ({"type": "ONE_TIME"}, "/at", "MISSING"),
        ({"type": "ONE_TIME", "at": "2031-05-06T12:00:00"}, "/at", "NO_OFFSET"),
        ({"type": "ONE_TIME", "at": "2031-05-06T12:00:00Z", "timeZone": "UTC"}, "/timeZone", "CONTRADICTION"),
        ({"type": "ONE_TIME", "at": "2031-05-06T12:00:00Z", "dst": {"gap": "SKIP"}}, "/dst", "CONTRADICTION"),
        ({"type": "ONE_TIME", "localTime": "2031-05-06T12:00:00"}, "/timeZone", "MISSING"),
        (
            {"type": "ONE_TIME", "localTime": "2031-05-06T12:00:00", "at": "2031-05-06T12:00:00Z"},
            "/at",
            "CONTRADICTION",
        ),
        ({"type": "EVENT", "eventType": "a*b"}, "/eventType", "SYNTAX"),
        ({"type": "ANY_OF", "triggers": []}, "/triggers", "OUT_OF_RANGE"),
        ({"type": "ANY_OF", "triggers": [{"type": "MANUAL"}]}, "/triggers/0/type", "NOT_COMBINABLE"),
        (
            {"type": "ANY_OF", "triggers": [{"type": "EVENT", "eventType": "a"}, {"type": "FIXED_RATE", "every": "x"}]},
            "/triggers/1/every",
            "SYNTAX",
        ),
    ],
)
def test_what_makes_none_of_the_other_types_is_refused_too(fields: dict[str, Any], pointer: str, code: str) -> None:
    assert problem(read(**fields)) == (pointer, code)


def test_durations_are_kept_in_one_form() -> None:
    document = trigger_document_of(trigger_of(read(type="FIXED_RATE", every="90m", initialDelay="0s")))
    assert document == FixedRateDocument(every="PT1H30M")


@pytest.mark.parametrize("depth", [2, 100, 400])
def test_unions_of_unions_are_refused_however_deep(depth: int) -> None:
    document: dict[str, Any] = {"type": "CRON", "expression": "* * * * *"}
    for _ in range(depth):
        document = {"type": "ANY_OF", "triggers": [document]}
    try:
        read_document = read(**document)
    except RecursionError:  # who reads requests makes a refusal of it
        return
    assert problem(read_document) == ("/triggers/0/type", "NOT_COMBINABLE")


def test_more_parts_than_there_may_be_are_not_even_read() -> None:
    parts = [{"type": "CRON", "expression": "nonsense"}] * 10_000
    assert problem(read(type="ANY_OF", triggers=parts)) == ("/triggers", "OUT_OF_RANGE")
