"""A job as JSON: the one published shape that requests, files, versions and the store share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec
from msgspec import UNSET, UnsetType

from application.scheduling.dependency_document import DependencyDocument, DependencyPolicyDocument
from application.scheduling.documents import Document
from application.scheduling.limits_document import ConcurrencyDocument, FairnessDocument, RateLimitDocument
from application.scheduling.shapes import shape_problem
from application.scheduling.trigger_document import TriggerDocument
from application.scheduling.triggers.manual import ManualDocument
from domain.scheduling.policies import MisfirePolicy, OverlapPolicy
from domain.scheduling.retry import RetryStrategy
from domain.shared.errors import FieldProblem, Invalid, raise_all


class RetryDocument(Document, frozen=True, kw_only=True):
    """Durations as ISO-8601 or `5m`; absent ones take the platform's defaults."""

    max_attempts: int | None = None
    delay: str | None = None
    strategy: RetryStrategy | None = None
    max_delay: str | None = None
    jitter: float | None = None
    max_lost: int | None = None
    never_retry: list[str] = msgspec.field(default_factory=list)


class TimeoutsDocument(Document, frozen=True, kw_only=True):
    """Durations; absent = no bound."""

    execution: str | None = None
    queue: str | None = None
    total: str | None = None


class MisfireDocument(Document, frozen=True, kw_only=True):
    """What happens to late fires."""

    policy: MisfirePolicy = MisfirePolicy.FIRE_ONCE
    grace: str = "PT1M"
    catchup_window: str | None = None
    max_fires: int = 100


class PlacementDocument(Document, frozen=True, kw_only=True):
    """Which executors may run it; with `executor`, that one only."""

    pool: str = "default"
    requires: dict[str, str] = msgspec.field(default_factory=dict)
    executor: str | None = None


class JobDocument(Document, frozen=True, kw_only=True):
    """Only `name` and `type` are needed. `active` activates a new job at once; it is no part of the definition."""

    name: str
    type: str
    description: str = ""
    active: bool = False
    handler: str | None = None
    parameters: dict[str, object] = msgspec.field(default_factory=dict)
    trigger: TriggerDocument = ManualDocument()
    priority: int | str = "NORMAL"
    retry: RetryDocument = RetryDocument()
    timeouts: TimeoutsDocument = TimeoutsDocument()
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    misfire: MisfireDocument = MisfireDocument()
    placement: PlacementDocument = PlacementDocument()
    dependencies: list[DependencyDocument] = msgspec.field(default_factory=list)
    dependency_policy: DependencyPolicyDocument = DependencyPolicyDocument()
    concurrency: ConcurrencyDocument | None = None
    rate_limit: RateLimitDocument | None = None
    fairness: FairnessDocument | None = None
    tags: list[str] = msgspec.field(default_factory=list)
    owner: str | None = None


class JobChanges(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A partial update: absent = unchanged, null = back to the default. Name and type never change."""

    description: str | UnsetType | None = UNSET
    handler: str | UnsetType | None = UNSET
    parameters: dict[str, object] | UnsetType | None = UNSET
    trigger: TriggerDocument | UnsetType | None = UNSET
    priority: int | str | UnsetType | None = UNSET
    retry: RetryDocument | UnsetType | None = UNSET
    timeouts: TimeoutsDocument | UnsetType | None = UNSET
    overlap: OverlapPolicy | UnsetType | None = UNSET
    misfire: MisfireDocument | UnsetType | None = UNSET
    placement: PlacementDocument | UnsetType | None = UNSET
    dependencies: list[DependencyDocument] | UnsetType | None = UNSET
    dependency_policy: DependencyPolicyDocument | UnsetType | None = UNSET
    concurrency: ConcurrencyDocument | UnsetType | None = UNSET
    rate_limit: RateLimitDocument | UnsetType | None = UNSET
    fairness: FairnessDocument | UnsetType | None = UNSET
    tags: list[str] | UnsetType | None = UNSET
    owner: str | UnsetType | None = UNSET

    def applied_to(self, document: JobDocument) -> JobDocument:
        """`document` with these changes."""
        defaults = JobDocument(name=document.name, type=document.type)
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return msgspec.structs.replace(
            document,
            **{
                name: getattr(defaults, name) if value is None else value
                for name, value in given.items()
                if value is not UNSET
            },
        )


_decoder = msgspec.json.Decoder(JobDocument)
_encoder = msgspec.json.Encoder()


def decode_document(text: bytes | str) -> JobDocument:
    """The document in this JSON text. Raises `Invalid` with the pointer of what does not fit the shape."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise Invalid(shape_problem(str(error), JobDocument, text)) from None
    except UnicodeError:
        raise Invalid(FieldProblem("", "MALFORMED", "The text is not UTF-8.")) from None
    except RecursionError:
        raise Invalid(FieldProblem("", "MALFORMED", "The document is nested too deeply.")) from None


def merged(document: JobDocument, patch: Mapping[str, object]) -> JobDocument:
    """`document` with a merge patch (RFC 7396); a trigger of another type replaces the former as a whole.

    Raises `Invalid` when the outcome is no document, or when the patch names what never changes.
    """
    fixed = [name for name in ("name", "type", "active") if name in patch]
    raise_all([FieldProblem(f"/{name}", "FIXED", f"`{name}` cannot be patched.") for name in fixed])
    present: dict[str, object] = msgspec.to_builtins(document)
    before, after = present.get("trigger"), patch.get("trigger")
    if isinstance(before, dict) and isinstance(after, dict) and after.get("type", before["type"]) != before["type"]:
        del present["trigger"]
    return decode_document(_encoder.encode(_patched(present, patch)))


def _patched(target: object, patch: object) -> object:
    if not isinstance(patch, Mapping):
        return patch
    result: dict[str, object] = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _patched(result.get(name), value)
    return result


def encode_document(document: JobDocument) -> str:
    """As JSON text; fields that have their default are left out."""
    return _encoder.encode(document).decode()


@lru_cache(maxsize=1024)
def cached_document(text: str) -> JobDocument:
    """`decode_document` of a text that the store has kept; equal texts share one frozen document."""
    return decode_document(text)
