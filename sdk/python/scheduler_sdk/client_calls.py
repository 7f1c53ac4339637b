"""Every call of the client as a value, so that a client that blocks and one that awaits send the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote

import msgspec

from scheduler_sdk.client_errors import ApiError
from scheduler_sdk.cluster_shapes import HeldLock, LockWish, Node, SharedLock, UpkeepLock
from scheduler_sdk.shapes import (
    Applied,
    Attempt,
    Backfill,
    ClusterStatus,
    Executor,
    Explanation,
    FailureGroup,
    Job,
    JobDocument,
    JobHealth,
    LogLine,
    Occurrence,
    Orphan,
    Page,
    Task,
)
from scheduler_sdk.time_shapes import Fire, Outlook, Upcoming

T = TypeVar("T")

LARGEST_PAGE = 200
LARGEST_BATCH = 1_000
LARGEST_BODY = 4 * 1024 * 1024  # half of what the server takes, for documents that grow when they are encoded


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request and, in its type, what the answer holds. `path` starts below `/api/v1`."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def read(self, status: int, body: bytes) -> T:
        """The answer's document; raises `ApiError` for a refusal and for an answer that is not the scheduler's."""
        if status >= 300:
            raise _refusal(status, body)
        if not body:
            return cast(T, None)
        try:
            return cast(T, msgspec.json.decode(body))
        except msgspec.DecodeError:
            raise _not_ours(status, body) from None


def list_jobs(status: str | None, name: str | None, tag: str | None) -> Call[Page[Job]]:
    return Call("GET", "/jobs", _given(status=status, name=name, tag=tag))


def get_job(job: str) -> Call[Job]:
    return Call("GET", f"/jobs/{_segment(job)}")


def create_job(document: JobDocument) -> Call[Job]:
    return Call("POST", "/jobs", body=document)


def act_on_job(job: str, verb: str, reason: str | None = None) -> Call[Job]:
    return Call("POST", f"/jobs/{_segment(job)}/{verb}", body=_given(reason=reason))


def trigger_job(job: str, parameters: Mapping[str, Any] | None, overlap: str | None) -> Call[Task]:
    body = {"parameters": parameters, "overlap": overlap}
    return Call("POST", f"/jobs/{_segment(job)}/trigger", body={k: v for k, v in body.items() if v is not None})


def delete_job(job: str) -> Call[Job]:
    return Call("DELETE", f"/jobs/{_segment(job)}")


def next_fires(job: str, count: int) -> Call[Outlook]:
    return Call("GET", f"/jobs/{_segment(job)}/next", {"count": str(count)})


def preview_fires(trigger: Mapping[str, Any], count: int) -> Call[Outlook]:
    return Call("POST", "/jobs/preview", body={"trigger": trigger, "count": count})


def list_upcoming(since: datetime | None, until: datetime | None, where: Mapping[str, str | None]) -> Call[Upcoming]:
    span = {"from": since.isoformat() if since else None, "to": until.isoformat() if until else None}
    return Call("GET", "/upcoming", _given(**span, **where))


def skip_fire(job: str, nominal: str, reason: str) -> Call[Fire]:
    return Call("POST", f"/jobs/{_segment(job)}/skip", body={"nominalAt": nominal, "reason": reason})


def unskip_fire(job: str, nominal: str) -> Call[Fire]:
    return Call("POST", f"/jobs/{_segment(job)}/unskip", body={"nominalAt": nominal})


def list_occurrences(job: str, decision: str | None, since: str | None, until: str | None) -> Call[Page[Occurrence]]:
    where = _given(decision=decision, **{"from": since, "to": until})
    return Call("GET", f"/jobs/{_segment(job)}/occurrences", where)


def start_backfill(job: str, wish: Mapping[str, Any], dry_run: bool) -> Call[Backfill]:
    query = {"dryRun": "true"} if dry_run else {}
    return Call("POST", f"/jobs/{_segment(job)}/backfill", query, body=wish)


def list_backfills(job: str | None, status: str | None) -> Call[Page[Backfill]]:
    return Call("GET", "/backfills", _given(jobId=job, status=status))


def get_backfill(backfill: str) -> Call[Backfill]:
    return Call("GET", f"/backfills/{_segment(backfill)}")


def act_on_backfill(backfill: str, verb: str, reason: str | None) -> Call[Backfill]:
    return Call("POST", f"/backfills/{_segment(backfill)}/{verb}", _given(reason=reason))


def job_health(job: str) -> Call[JobHealth]:
    return Call("GET", f"/jobs/{_segment(job)}/health")


def apply_jobs(documents: Sequence[JobDocument], dry_run: bool) -> Iterator[Call[dict[str, list[Applied]]]]:
    """As many calls as the limits on items and bytes of a body ask for, in order."""
    batch: list[msgspec.Raw] = []
    size = 0
    for document in documents:
        encoded = msgspec.json.encode(document)
        if batch and (len(batch) == LARGEST_BATCH or size + len(encoded) > LARGEST_BODY):
            yield _apply(batch, dry_run)
            batch, size = [], 0
        batch.append(msgspec.Raw(encoded))
        size += len(encoded)
    if batch:
        yield _apply(batch, dry_run)


def list_tasks(job: str | None, status: str | None, fingerprint: str | None = None) -> Call[Page[Task]]:
    return Call("GET", "/tasks", _given(jobId=job, status=status, fingerprint=fingerprint))


def get_task(task: str) -> Call[Task]:
    return Call("GET", f"/tasks/{_segment(task)}")


def explain_task(task: str) -> Call[Explanation]:
    return Call("GET", f"/tasks/{_segment(task)}/explain")


def explain_job(job: str, at: str | None) -> Call[Explanation]:
    return Call("GET", f"/jobs/{_segment(job)}/explain", _given(at=at))


def list_failure_groups(job: str | None, since: str | None) -> Call[dict[str, list[FailureGroup]]]:
    return Call("GET", "/failures/groups", _given(jobId=job, since=since))


def wait_for_task(task_id: str, seconds: int) -> Call[Task]:
    call = get_task(task_id)
    return replace(call, query={"waitFor": "TERMINAL"}, headers={"Prefer": f"wait={seconds}"}) if seconds else call


def list_attempts(task: str) -> Call[Page[Attempt]]:
    return Call("GET", f"/tasks/{_segment(task)}/attempts")


def list_orphans(task: str) -> Call[Page[Orphan]]:
    return Call("GET", f"/tasks/{_segment(task)}/orphans")


def list_log_lines(task: str, level: str | None) -> Call[Page[LogLine]]:
    return Call("GET", f"/tasks/{_segment(task)}/logs", _given(level=level))


def cancel_task(task: str, reason: str | None) -> Call[Task]:
    return Call("POST", f"/tasks/{_segment(task)}/cancel", body=_given(reason=reason))


def submit_task(
    job: str, at: str | None, parameters: Mapping[str, Any] | None, unique_key: str | None = None
) -> Call[Task]:
    body = {"jobId": job, "scheduledTime": at, "parameters": parameters, "uniqueKey": unique_key}
    return Call("POST", "/tasks", body={k: v for k, v in body.items() if v is not None})


def retry_task(task: str, reason: str | None, downstream: bool) -> Call[Task]:
    body = {**_given(reason=reason), **({"downstream": True} if downstream else {})}
    return Call("POST", f"/tasks/{_segment(task)}/retry", body=body)


def rerun_task(task: str) -> Call[Task]:
    return Call("POST", f"/tasks/{_segment(task)}/rerun")


def cluster_status() -> Call[ClusterStatus]:
    return Call("GET", "/cluster/status")


def list_executors(status: str | None) -> Call[Page[Executor]]:
    return Call("GET", "/cluster/executors", _given(status=status))


def get_executor(executor: str) -> Call[Executor]:
    return Call("GET", f"/cluster/executors/{_segment(executor)}")


def act_on_executor(executor: str, verb: str, reason: str | None = None) -> Call[Executor]:
    return Call("POST", f"/cluster/executors/{_segment(executor)}/{verb}", body=_given(reason=reason))


def with_key(call: Call[T], key: str | None) -> Call[T]:
    """The same, named so that it may be repeated."""
    return call if key is None else replace(call, headers={**call.headers, "Idempotency-Key": key})


def cluster_nodes() -> Call[Page[Node]]:
    return Call("GET", "/cluster/nodes")


def cluster_locks() -> Call[Page[UpkeepLock]]:
    return Call("GET", "/cluster/locks")


def list_locks() -> Call[Page[SharedLock]]:
    return Call("GET", "/locks")


def acquire_lock(name: str, wish: LockWish) -> Call[HeldLock]:
    return Call("POST", f"/locks/{_segment(name)}/acquire", body=wish)


def extend_lock(name: str, token: int, ttl: str) -> Call[HeldLock]:
    return Call("POST", f"/locks/{_segment(name)}/extend", body={"token": token, "ttl": ttl})


def release_lock(name: str, token: int) -> Call[dict[str, bool]]:
    return Call("POST", f"/locks/{_segment(name)}/release", body={"token": token})


def check_fence(resource: str, token: int) -> Call[object]:
    return Call("POST", "/fences/check", body={"resource": resource, "token": token})


def with_query(call: Call[T], **more: str | None) -> Call[T]:
    """The same call with more query parameters; those that are None are left out."""
    return replace(call, query={**call.query, **_given(**more)})


def _apply(documents: list[msgspec.Raw], dry_run: bool) -> Call[dict[str, list[Applied]]]:
    return Call("POST", "/apply", body={"jobs": documents, "dryRun": dry_run})


def _given(**members: str | None) -> dict[str, str]:
    return {name: value for name, value in members.items() if value is not None}


def _segment(name: str) -> str:
    return quote(name, safe="")


def _refusal(status: int, body: bytes) -> ApiError:
    try:
        problem = msgspec.json.decode(body)
    except msgspec.DecodeError:
        problem = None
    if not isinstance(problem, dict) or not ("title" in problem or "detail" in problem):
        return _not_ours(status, body)
    return ApiError.from_problem(problem, status)


def _not_ours(status: int, body: bytes) -> ApiError:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "an unknown status"
    begin = body[:120].decode(errors="replace").strip()
    return ApiError(
        status,
        f"The server answered {status} ({phrase}) and not as a scheduler does",
        f"it begins {begin!r}: is it a scheduler that listens there?" if begin else "the answer is empty",
        code="NOT_A_SCHEDULER",
    )
