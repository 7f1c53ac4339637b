"""The client of the REST API that awaits: `Client`, call for call. Made by scripts/async_client.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from scheduler_sdk import change_calls
from scheduler_sdk import client_calls as calls
from scheduler_sdk.async_client_backfills import AsyncBackfillCalls
from scheduler_sdk.async_client_diagnosis import AsyncDiagnosisCalls
from scheduler_sdk.async_client_graph import AsyncGraphCalls
from scheduler_sdk.async_client_locks import AsyncLockCalls
from scheduler_sdk.async_client_operations import AsyncOperationCalls
from scheduler_sdk.async_client_sinks import AsyncSinkCalls
from scheduler_sdk.async_client_times import AsyncTimeCalls
from scheduler_sdk.async_client_webhooks import AsyncWebhookCalls
from scheduler_sdk.client_calls import LARGEST_PAGE, Call
from scheduler_sdk.client_errors import ApiError, NoAnswer, Unreachable
from scheduler_sdk.client_http import Patience, Waiting, failures_named, request, settings, stream_request
from scheduler_sdk.log_following import FollowedLog, has_ended
from scheduler_sdk.server_address import resolve_server
from scheduler_sdk.shapes import (
    Applied,
    Attempt,
    ClusterStatus,
    Executor,
    Job,
    JobDocument,
    LogLine,
    Occurrence,
    Orphan,
    Page,
    Task,
)

T = TypeVar("T")


class AsyncClient(
    AsyncLockCalls,
    AsyncBackfillCalls,
    AsyncDiagnosisCalls,
    AsyncGraphCalls,
    AsyncTimeCalls,
    AsyncOperationCalls,
    AsyncWebhookCalls,
    AsyncSinkCalls,
):
    """Calls one server, over connections that are kept open. Close it, or use it in an `async with` block.

    Filters take one value or several with commas between.

    Every method raises `ApiError` when the server refuses, `Unreachable` when there is none, and `NoAnswer` when it
    takes longer than `timeout` seconds. Jobs are named by id or name.
    """

    def __init__(
        self, server: str | None = None, *, timeout: float = 30.0, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.server = resolve_server(server)
        self._timeout = timeout
        self._http = httpx.AsyncClient(transport=transport, **settings(self.server, timeout))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def apply(self, jobs: Sequence[JobDocument], *, dry_run: bool = False) -> list[Applied]:
        """Creates or replaces jobs by name; what became of each, in order. One that fails does not stop the others."""
        answers = [await self._send(call) for call in calls.apply_jobs(jobs, dry_run)]
        return list(chain.from_iterable(answer["items"] for answer in answers))

    def jobs(self, *, status: str | None = None, name: str | None = None, tag: str | None = None) -> AsyncIterator[Job]:
        """The jobs that match every filter given; pages are fetched as they are read."""
        return self._pages(calls.list_jobs(status, name, tag))

    async def job(self, job: str) -> Job:
        return await self._send(calls.get_job(job))

    async def create_job(self, document: JobDocument, *, idempotency_key: str | None = None) -> Job:
        """With an `idempotency_key` the call may be repeated for 24 hours, and takes effect once."""
        return await self._send(calls.with_key(calls.create_job(document), idempotency_key))

    async def update_job(
        self,
        job: str,
        changes: Mapping[str, Any],
        *,
        version: int | None = None,
        effective_from: datetime | None = None,
    ) -> Job:
        """Changes what `changes` names; None takes a member back to its default.

        With `version` only if the job is still at it: else `ApiError` with status 412. With `effective_from` the change
        is announced, and takes effect then: fires before it are those of the job as it is.
        """
        return await self._send(change_calls.update_job(job, changes, version, effective_from))

    async def withdraw_change(self, job: str) -> Job:
        """The job stays as it is: what was announced does not take effect."""
        return await self._send(change_calls.withdraw_change(job))

    async def trigger(
        self,
        job: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        overlap: str | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Runs a job now; `parameters` replace its own and `overlap` its policy for this run.

        With an `idempotency_key` the call may be repeated for 24 hours, and takes effect once.
        """
        return await self._send(calls.with_key(calls.trigger_job(job, parameters, overlap), idempotency_key))

    async def wait(self, task_id: str, *, timeout: float | None = None) -> Task:
        """The task once it has ended. Raises `TimeoutError` after `timeout` seconds, which ends the waiting only."""
        waiting = Waiting(task_id, timeout)
        while True:
            task = await self._send(calls.wait_for_task(task_id, waiting.seconds(self._timeout)))
            if has_ended(task):
                return task
            await asyncio.sleep(waiting.pause())

    async def activate(self, job: str) -> Job:
        return await self._send(calls.act_on_job(job, "activate"))

    async def pause(self, job: str, *, reason: str | None = None) -> Job:
        """Stops a job's fires; tasks that exist go on, and it can be run by hand."""
        return await self._send(calls.act_on_job(job, "pause", reason))

    async def resume(self, job: str) -> Job:
        """Fires of the paused time are not made up for."""
        return await self._send(calls.act_on_job(job, "resume"))

    async def disable(self, job: str, *, reason: str) -> Job:
        return await self._send(calls.act_on_job(job, "disable", reason))

    async def delete(self, job: str) -> Job:
        """The job's history stays readable and its name becomes free."""
        return await self._send(calls.delete_job(job))

    def occurrences(
        self, job: str, *, decision: str | None = None, since: str | None = None, until: str | None = None
    ) -> AsyncIterator[Occurrence]:
        """What became of planned fires, newest first, page by page; `decision`: one or several, by commas."""
        return self._pages(calls.list_occurrences(job, decision, since, until))

    def tasks(
        self, *, job: str | None = None, status: str | None = None, fingerprint: str | None = None
    ) -> AsyncIterator[Task]:
        """Tasks, the newest first; pages are fetched as they are read. `fingerprint`: those that failed alike."""
        return self._pages(calls.list_tasks(job, status, fingerprint))

    async def task(self, task_id: str) -> Task:
        return await self._send(calls.get_task(task_id))

    async def attempts(self, task_id: str) -> list[Attempt]:
        """The tries of a task, the oldest first."""
        return (await self._send(calls.list_attempts(task_id)))["items"]

    async def orphans(self, task_id: str) -> list[Orphan]:
        """What executors reported that had lost the lease of the task; it has changed nothing."""
        return (await self._send(calls.list_orphans(task_id)))["items"]

    async def submit(
        self,
        job: str,
        *,
        at: datetime | None = None,
        parameters: Mapping[str, Any] | None = None,
        unique_key: str | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Asks for a task of a job, now or `at` a time with its zone; it neither obeys nor counts for overlap.

        If a live task has the `unique_key`, that one is the answer. With an `idempotency_key` the call may be repeated
        for 24 hours, and takes effect once.
        """
        call = calls.submit_task(job, None if at is None else at.isoformat(), parameters, unique_key)
        return await self._send(calls.with_key(call, idempotency_key))

    async def cancel(self, task_id: str, *, reason: str | None = None) -> Task:
        return await self._send(calls.cancel_task(task_id, reason))

    async def retry(self, task_id: str, *, reason: str | None = None, downstream: bool = False) -> Task:
        """Tries a task that ended without success once more, at once; it stays the same task.

        With `downstream`, what was skipped because of it waits for it again.
        """
        return await self._send(calls.retry_task(task_id, reason, downstream))

    async def rerun(self, task_id: str, *, idempotency_key: str | None = None) -> Task:
        """Asks for a new task of the same job with the same parameters.

        With an `idempotency_key` the call may be repeated for 24 hours, and takes effect once.
        """
        return await self._send(calls.with_key(calls.rerun_task(task_id), idempotency_key))

    def task_logs(
        self, task_id: str, *, follow: bool = False, level: str | None = None, give_up_after: float = 60.0
    ) -> AsyncIterator[LogLine]:
        """A task's log in order; `level` filters, like `WARN,ERROR`. With `follow`, until the task has ended.

        A connection that drops while following is made again from the last line; `Unreachable` is raised when that
        has not succeeded for `give_up_after` seconds.
        """
        if follow:
            return self._follow(FollowedLog(task_id, level), task_id, Patience(give_up_after))
        return self._pages(calls.list_log_lines(task_id, level))

    async def cluster(self) -> ClusterStatus:
        """Executors, their slots and the live tasks, counted."""
        return await self._send(calls.cluster_status())

    def executors(self, *, status: str | None = None) -> AsyncIterator[Executor]:
        """Executors by id; pages are fetched as they are read."""
        return self._pages(calls.list_executors(status))

    async def executor(self, executor: str) -> Executor:
        return await self._send(calls.get_executor(executor))

    async def drain(self, executor: str, *, reason: str | None = None) -> Executor:
        """Gives an executor no new tasks; what it runs may finish."""
        return await self._send(calls.act_on_executor(executor, "drain", reason))

    async def activate_executor(self, executor: str) -> Executor:
        return await self._send(calls.act_on_executor(executor, "activate"))

    async def deactivate_executor(self, executor: str, *, reason: str) -> Executor:
        """Ends its session, requeues what it held, and refuses it until it is activated."""
        return await self._send(calls.act_on_executor(executor, "deactivate", reason))

    async def _pages(self, call: Call[Page[T]]) -> AsyncIterator[T]:
        cursor: str | None = None
        while True:
            page = await self._send(calls.with_query(call, limit=str(LARGEST_PAGE), cursor=cursor))
            for item in page["items"]:
                yield item
            cursor = page.get("nextCursor")
            if not cursor:
                return

    async def _send(self, call: Call[T]) -> T:
        with failures_named(self.server, self._timeout):
            answer = await self._http.send(request(self._http, call, self._timeout))
        return call.read(answer.status_code, answer.content)

    async def _follow(self, log: FollowedLog, task_id: str, patience: Patience) -> AsyncIterator[LogLine]:
        while True:
            try:
                async for line in self._stream(log):
                    yield line
                    patience.heard(news=True)
                if has_ended(await self.task(task_id)):
                    return
                patience.heard(news=False)
            except (NoAnswer, Unreachable, ApiError) as error:
                patience.failed(error)
            await asyncio.sleep(patience.pause())

    async def _stream(self, log: FollowedLog) -> AsyncIterator[LogLine]:
        call = log.connect()
        with failures_named(self.server, self._timeout):
            answer = await self._http.send(stream_request(self._http, call, self._timeout), stream=True)
        try:
            with failures_named(self.server, self._timeout):
                if answer.status_code >= 300:
                    call.read(answer.status_code, await answer.aread())
                async for text in answer.aiter_lines():
                    line = log.accept(text)
                    if line is not None:
                        yield line
        finally:
            await answer.aclose()
