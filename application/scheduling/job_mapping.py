"""Between a job's document and the domain's definition."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

import msgspec

from application.scheduling.dependency_document import (
    dependencies_of,
    dependency_documents_of,
    policy_document_of,
)
from application.scheduling.documents import Document, at, duration_or_none, text_or_none
from application.scheduling.job_document import (
    JobDocument,
    MisfireDocument,
    PlacementDocument,
    RetryDocument,
    TimeoutsDocument,
    decode_document,
    encode_document,
)
from application.scheduling.limits_document import (
    concurrency_document_of,
    fairness_document_of,
    limits_of,
    rate_document_of,
)
from application.scheduling.trigger_document import trigger_document_of, trigger_of
from domain.scheduling.ids import ExecutorId
from domain.scheduling.job import JobDefinition
from domain.scheduling.placement import Placement
from domain.scheduling.policies import FiringPolicy, Misfire, OverlapPolicy, Timeouts
from domain.scheduling.priority import parse_priority
from domain.scheduling.retry import RetryPolicy
from domain.shared.errors import FieldProblem, Invalid
from domain.shared.json_value import JsonObject
from domain.timing.duration import format_duration, parse_duration
from domain.timing.trigger import NO_TIME

LARGEST_PARAMETERS = 256 * 1024
"""Bytes of a job's parameters as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDefaults:
    """What the platform's settings say where a job says nothing."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)


STANDARD = JobDefaults()


def definition_of(document: JobDocument, defaults: JobDefaults = STANDARD) -> JobDefinition:
    """The domain's definition. Raises `Invalid` with pointers relative to the document."""
    parameters = cast(JsonObject, document.parameters)
    if len(msgspec.json.encode(parameters)) > LARGEST_PARAMETERS:
        raise Invalid(FieldProblem("/parameters", "TOO_LARGE", f"parameters have at most {LARGEST_PARAMETERS} bytes."))
    trigger = at("/trigger", lambda: trigger_of(document.trigger))
    misfire = at("/misfire", lambda: _misfire(document.misfire))
    dependencies = dependencies_of(document.dependencies, document.dependency_policy)
    return JobDefinition(
        name=document.name,
        type=document.type,
        description=document.description,
        handler=document.handler,
        parameters=parameters,
        trigger=trigger,
        priority=at("/priority", lambda: parse_priority(document.priority)),
        retry=at("/retry", lambda: _retry(document.retry, defaults.retry)),
        timeouts=at("/timeouts", lambda: _timeouts(document.timeouts)),
        firing=FiringPolicy.of(
            trigger,
            misfire,
            document.overlap,
            waits=bool(dependencies) and trigger.kind != "DEPENDENCY",
            wait_timeout=dependencies.wait_timeout,
        ),
        placement=at("/placement", lambda: _placement(document.placement)),
        dependencies=dependencies,
        limits=limits_of(document.name, document.concurrency, document.rate_limit, document.fairness),
        tags=tuple(document.tags),
        owner=document.owner,
    )


def document_of(definition: JobDefinition) -> JobDocument:
    """The definition as a document that means the same whatever the defaults are."""
    d = definition
    return JobDocument(
        name=d.name,
        type=d.type,
        description=d.description,
        handler=d.handler,
        parameters=cast(dict[str, object], dict(d.parameters)),
        trigger=trigger_document_of(d.trigger),
        priority=int(d.priority),
        retry=RetryDocument(
            max_attempts=d.retry.max_attempts,
            delay=format_duration(d.retry.delay),
            strategy=d.retry.strategy,
            max_delay=None if d.retry.max_delay is None else format_duration(d.retry.max_delay),
            jitter=d.retry.jitter,
            max_lost=d.retry.max_lost,
            never_retry=sorted(d.retry.never_retry),
        ),
        timeouts=TimeoutsDocument(
            **{
                name: None if value is None else format_duration(value)
                for name in ("execution", "queue", "total")
                for value in (getattr(d.timeouts, name),)
            }
        ),
        overlap=d.firing.overlap,
        misfire=_misfire_document(d.firing.misfire),
        placement=PlacementDocument(
            pool=d.placement.pool, requires=dict(d.placement.requires), executor=d.placement.executor
        ),
        dependencies=dependency_documents_of(d.dependencies),
        dependency_policy=policy_document_of(d.dependencies),
        concurrency=concurrency_document_of(d.limits),
        rate_limit=rate_document_of(d.limits),
        fairness=fairness_document_of(d.limits),
        tags=list(d.tags),
        owner=d.owner,
    )


def encode_definition(definition: JobDefinition) -> str:
    """As the JSON text of its document."""
    return encode_document(document_of(definition))


def decode_definition(text: str) -> JobDefinition:
    """The inverse of `encode_definition`."""
    return definition_of(decode_document(text))


class _PolicyDocument(Document, frozen=True, kw_only=True):
    misfire: MisfireDocument = MisfireDocument()
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    jitter: str | None = None
    window: str | None = None
    max_executions: int | None = None
    recurs: bool = True
    awaits_end: bool = False
    waits: bool = False
    wait_timeout: str | None = None


_policy_decoder = msgspec.json.Decoder(_PolicyDocument)


def encode_policy(policy: FiringPolicy) -> str:
    """As JSON text; equal policies have equal texts."""
    document = _PolicyDocument(
        misfire=_misfire_document(policy.misfire),
        overlap=policy.overlap,
        jitter=text_or_none(policy.jitter),
        window=text_or_none(policy.window),
        max_executions=policy.max_executions,
        recurs=policy.recurs,
        awaits_end=policy.awaits_end,
        waits=policy.waits,
        wait_timeout=None if policy.wait_timeout is None else format_duration(policy.wait_timeout),
    )
    return msgspec.json.encode(document).decode()


@lru_cache(maxsize=4096)
def decode_policy(text: str) -> FiringPolicy:
    """The inverse of `encode_policy`; equal texts share one value."""
    document = _policy_decoder.decode(text)
    return FiringPolicy(
        misfire=_misfire(document.misfire),
        overlap=document.overlap,
        jitter=duration_or_none(document.jitter, "/jitter") or NO_TIME,
        window=duration_or_none(document.window, "/window") or NO_TIME,
        max_executions=document.max_executions,
        recurs=document.recurs,
        awaits_end=document.awaits_end,
        waits=document.waits,
        wait_timeout=duration_or_none(document.wait_timeout, "/waitTimeout"),
    )


def _retry(document: RetryDocument, defaults: RetryPolicy) -> RetryPolicy:
    delay = duration_or_none(document.delay, "/delay")
    max_delay = duration_or_none(document.max_delay, "/maxDelay")
    return RetryPolicy(
        max_attempts=defaults.max_attempts if document.max_attempts is None else document.max_attempts,
        delay=defaults.delay if delay is None else delay,
        strategy=document.strategy or defaults.strategy,
        max_delay=defaults.max_delay if max_delay is None else max_delay,
        jitter=defaults.jitter if document.jitter is None else document.jitter,
        max_lost=defaults.max_lost if document.max_lost is None else document.max_lost,
        never_retry=frozenset(document.never_retry),
    )


def _timeouts(document: TimeoutsDocument) -> Timeouts:
    return Timeouts(
        execution=duration_or_none(document.execution, "/execution"),
        queue=duration_or_none(document.queue, "/queue"),
        total=duration_or_none(document.total, "/total"),
    )


def _misfire(document: MisfireDocument) -> Misfire:
    return Misfire(
        policy=document.policy,
        grace=at("/grace", lambda: parse_duration(document.grace)),
        catchup_window=duration_or_none(document.catchup_window, "/catchupWindow"),
        max_fires=document.max_fires,
    )


def _misfire_document(misfire: Misfire) -> MisfireDocument:
    window = misfire.catchup_window
    return MisfireDocument(
        policy=misfire.policy,
        grace=format_duration(misfire.grace),
        catchup_window=None if window is None else format_duration(window),
        max_fires=misfire.max_fires,
    )


def _placement(document: PlacementDocument) -> Placement:
    named = None if document.executor is None else ExecutorId(document.executor)
    return Placement(pool=document.pool, requires=document.requires, executor=named)
