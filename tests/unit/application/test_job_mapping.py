"""Definitions to documents and back, and the pointers of everything that can be wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from application.scheduling.job_document import RetryDocument, decode_document
from application.scheduling.job_mapping import (
    LARGEST_PARAMETERS,
    JobDefaults,
    decode_definition,
    decode_policy,
    definition_of,
    document_of,
    encode_definition,
    encode_policy,
)
from domain.scheduling.job import JobDefinition
from domain.scheduling.policies import FiringPolicy, Misfire
from domain.scheduling.retry import RetryPolicy, RetryStrategy
from domain.shared.errors import Invalid
from domain.shared.json_value import same_json
from tests.builders import DAY, HOUR, MINUTE, SECOND, cron, definition
from tests.unit.application.strategies import definitions, firing_policies

SMALLEST = {"name": "backup", "type": "COMMAND"}


def defined(defaults: JobDefaults | None = None, **fields: Any) -> JobDefinition:
    document = decode_document(json.dumps(SMALLEST | fields))
    return definition_of(document) if defaults is None else definition_of(document, defaults)


@given(definitions())
@settings(max_examples=40)
def test_a_definition_comes_back_from_its_text_as_it_was(given: JobDefinition) -> None:
    text = encode_definition(given)
    read = decode_definition(text)
    assert read == given
    assert same_json(read.parameters, given.parameters)
    assert encode_definition(read) == text


@given(definitions())
@settings(max_examples=30)
def test_a_document_means_the_same_whatever_the_defaults_are(given: JobDefinition) -> None:
    odd = JobDefaults(retry=RetryPolicy(max_attempts=9, delay=7 * SECOND, jitter=0.7, max_lost=9))
    assert definition_of(document_of(given), odd) == given


@given(firing_policies())
def test_a_policy_comes_back_from_its_text_as_it_was_and_is_shared(policy: FiringPolicy) -> None:
    text = encode_policy(policy)
    assert decode_policy(text) == policy
    assert decode_policy(text) is decode_policy(encode_policy(policy))


def test_the_smallest_document_means_the_defaults_of_the_domain() -> None:
    assert defined() == JobDefinition(name="backup", type="COMMAND")


def test_a_job_that_says_nothing_about_retries_takes_the_settings_of_the_platform() -> None:
    settings_ = RetryPolicy(
        max_attempts=5, delay=5 * SECOND, strategy=RetryStrategy.FIXED_DELAY, max_delay=HOUR, jitter=0.5, max_lost=0
    )
    assert defined(JobDefaults(retry=settings_)).retry == settings_


def test_what_a_job_does_say_about_retries_counts_even_when_it_is_nothing() -> None:
    settings_ = JobDefaults(retry=RetryPolicy(delay=MINUTE, max_delay=HOUR, jitter=0.5, max_lost=3))
    said = {"delay": "PT0S", "maxDelay": "PT0S", "jitter": 0, "maxLost": 0, "neverRetry": ["BAD_INPUT"]}
    assert defined(settings_, retry=said).retry == RetryPolicy(
        delay=timedelta(0), max_delay=timedelta(0), jitter=0.0, max_lost=0, never_retry=frozenset({"BAD_INPUT"})
    )


def test_the_limits_of_the_trigger_are_known_to_the_firing() -> None:
    trigger = {"type": "CRON", "expression": "@daily", "jitter": "5m", "maxExecutions": 3}
    assert defined(trigger=trigger).firing == FiringPolicy(jitter=5 * MINUTE, max_executions=3)
    trigger = {"type": "CRON", "expression": "@daily", "window": "2h"}
    assert defined(trigger=trigger).firing == FiringPolicy(window=2 * HOUR)


def test_durations_may_be_written_short_and_are_kept_in_one_form() -> None:
    document = document_of(defined(timeouts={"execution": "90s"}, misfire={"catchupWindow": "36h"}))
    assert (document.timeouts.execution, document.timeouts.queue) == ("PT1M30S", None)
    assert (document.misfire.grace, document.misfire.catchup_window) == ("PT1M", "P1DT12H")


def test_a_document_made_from_a_definition_says_every_default_of_retries() -> None:
    assert document_of(definition()).retry == RetryDocument(
        max_attempts=3, delay="PT1M", strategy=RetryStrategy.EXPONENTIAL_BACKOFF, jitter=0.0, max_lost=3
    )


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": "Backup"}, "/name"),
        ({"description": "x" * 4001}, "/description"),
        ({"tags": [""]}, "/tags"),
        ({"priority": 11}, "/priority"),
        ({"priority": "URGENT"}, "/priority"),
        ({"trigger": {"type": "CRON", "expression": "* * *"}}, "/trigger/expression"),
        ({"trigger": {"type": "CRON", "expression": "@daily", "timeZone": "Mars"}}, "/trigger/timeZone"),
        ({"trigger": {"type": "CRON", "expression": "@daily", "jitter": "x"}}, "/trigger/jitter"),
        ({"trigger": {"type": "CRON", "expression": "@daily", "startAt": "2031-05-06T12:00"}}, "/trigger/startAt"),
        ({"trigger": {"type": "CRON", "expression": "@daily", "maxExecutions": 0}}, "/trigger/maxExecutions"),
        ({"retry": {"maxAttempts": 0}}, "/retry/maxAttempts"),
        ({"retry": {"delay": "soon"}}, "/retry/delay"),
        ({"retry": {"delay": "400d"}}, "/retry/delay"),
        ({"retry": {"maxDelay": "later"}}, "/retry/maxDelay"),
        ({"retry": {"maxDelay": "1s"}}, "/retry/maxDelay"),
        ({"retry": {"jitter": 2}}, "/retry/jitter"),
        ({"retry": {"maxLost": -1}}, "/retry/maxLost"),
        ({"timeouts": {"execution": "x"}}, "/timeouts/execution"),
        ({"timeouts": {"execution": "500ms"}}, "/timeouts/execution"),
        ({"timeouts": {"queue": "x"}}, "/timeouts/queue"),
        ({"timeouts": {"total": "x"}}, "/timeouts/total"),
        ({"misfire": {"grace": "x"}}, "/misfire/grace"),
        ({"misfire": {"catchupWindow": "x"}}, "/misfire/catchupWindow"),
        ({"misfire": {"maxFires": 0}}, "/misfire/maxFires"),
        ({"placement": {"pool": ""}}, "/placement/pool"),
        ({"placement": {"requires": {str(n): "" for n in range(33)}}}, "/placement/requires"),
        ({"parameters": {"x": "y" * LARGEST_PARAMETERS}}, "/parameters"),
    ],
)
def test_what_breaks_a_rule_is_refused_where_it_stands(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        defined(**fields)
    assert refused.value.problems[0].pointer == pointer


def test_a_late_window_of_a_day_is_not_the_absence_of_one() -> None:
    assert defined(misfire={"catchupWindow": "P1D"}).firing.misfire == Misfire(catchup_window=DAY)
    assert defined(misfire={"catchupWindow": "PT0S"}).firing.misfire == Misfire(catchup_window=timedelta(0))


def test_a_stored_text_is_in_the_published_shape() -> None:
    stored = json.loads(encode_definition(definition(trigger=cron("@daily", "Europe/Berlin"))))
    assert stored["trigger"].items() >= {"type": "CRON", "expression": "@daily", "timeZone": "Europe/Berlin"}.items()
    assert stored["retry"]["delay"] == "PT1M"
    assert stored["priority"] == 5
