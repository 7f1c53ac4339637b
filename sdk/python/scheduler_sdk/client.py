"""The client of the REST API that blocks: what a script or the command line uses."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from scheduler_sdk import client_calls as calls
from scheduler_sdk.client_calls import LARGEST_PAGE, Call
from scheduler_sdk.client_errors import ApiError, NoAnswer, SchedulerError, Unreachable
from scheduler_sdk.log_following import FollowedLog, has_ended
from scheduler_sdk.server_address import USER_AGENT, is_loopback, resolve_server
from scheduler_sdk.shapes import Applied, Attempt, Executor, Fire, Job, JobDocument, LogLine, Occurrence, Page, Task

T = TypeVar("T")

_LONGEST_SILENCE = 60.0  # seconds; a followed log without a word is asked for again, in case the peer is gone
_LONGEST_PAUSE = 5.0


class Client:
    """Calls one server, over connections that are kept open. Close it, or use it in a `with` block.

    Filters take one value or several with commas between.

    Every method raises `ApiError` when the server refuses, `Unreachable` when there is none, and `NoAnswer` when it
    takes longer than `timeout` seconds. Jobs are named by id or name.
    """

    def __init__(
        self, server: str | None = None, *, timeout: float = 30.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.server = resolve_server(server)
        self._timeout = timeout
        self._http = httpx.Client(
            base_url=self.server + "/api/v1",
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            timeout=timeout,
            transport=transport,
            trust_env=not is_loopback(self.server),  # a proxy of the environment has no way to this machine's loopback
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def apply(self, jobs: Sequence[JobDocument], *, dry_run: bool = False) -> list[Applied]:
        """Creates or replaces jobs by name; what became of each, in order. One that fails does not stop the others."""
        return list(chain.from_iterable(self._send(call)["items"] for call in calls.apply_jobs(jobs, dry_run)))

    def jobs(self, *, status: str | None = None, name: str | None = None, tag: str | None = None) -> Iterator[Job]:
        """The jobs that match every filter given; pages are fetched as they are read."""
        return self._pages(calls.list_jobs(status, name, tag))

    def job(self, job: str) -> Job:
        return self._send(calls.get_job(job))

    def create_job(self, document: JobDocument) -> Job:
        return self._send(calls.create_job(document))

    def trigger(self, job: str, *, parameters: Mapping[str, Any] | None = None, overlap: str | None = None) -> Task:
        """Runs a job now; `parameters` replace its own and `overlap` its policy for this run."""
        return self._send(calls.trigger_job(job, parameters, overlap))

    def activate(self, job: str) -> Job:
        return self._send(calls.act_on_job(job, "activate"))

    def pause(self, job: str, *, reason: str | None = None) -> Job:
        """Stops a job's fires; tasks that exist go on, and it can be run by hand."""
        return self._send(calls.act_on_job(job, "pause", reason))

    def resume(self, job: str) -> Job:
        """Fires of the paused time are not made up for."""
        return self._send(calls.act_on_job(job, "resume"))

    def disable(self, job: str, *, reason: str) -> Job:
        return self._send(calls.act_on_job(job, "disable", reason))

    def delete(self, job: str) -> Job:
        """The job's history stays readable and its name becomes free."""
        return self._send(calls.delete_job(job))

    def next_fires(self, job: str, *, count: int = 5) -> list[Fire]:
        return self._send(calls.next_fires(job, count))["fires"]

    def preview(self, trigger: Mapping[str, Any], *, count: int = 5) -> list[Fire]:
        """When a job with this trigger would fire from now on; nothing is kept."""
        return self._send(calls.preview_fires(trigger, count))["fires"]

    def occurrences(self, job: str) -> Iterator[Occurrence]:
        """What became of each planned fire, the newest first; pages are fetched as they are read."""
        return self._pages(calls.list_occurrences(job))

    def tasks(self, *, job: str | None = None, status: str | None = None) -> Iterator[Task]:
        """Tasks, the newest first; pages are fetched as they are read."""
        return self._pages(calls.list_tasks(job, status))

    def task(self, task_id: str) -> Task:
        return self._send(calls.get_task(task_id))

    def attempts(self, task_id: str) -> list[Attempt]:
        """The tries of a task, the oldest first."""
        return self._send(calls.list_attempts(task_id))["items"]

    def submit(self, job: str, *, at: datetime | None = None, parameters: Mapping[str, Any] | None = None) -> Task:
        """Asks for a task of a job, now or `at` a time with its zone; it neither obeys nor counts for overlap."""
        return self._send(calls.submit_task(job, None if at is None else at.isoformat(), parameters))

    def cancel(self, task_id: str, *, reason: str | None = None) -> Task:
        return self._send(calls.cancel_task(task_id, reason))

    def task_logs(
        self, task_id: str, *, follow: bool = False, level: str | None = None, give_up_after: float = 60.0
    ) -> Iterator[LogLine]:
        """A task's log in order; `level` filters, like `WARN,ERROR`. With `follow`, until the task has ended.

        A connection that drops while following is made again from the last line; `Unreachable` is raised when that
        has not succeeded for `give_up_after` seconds.
        """
        if follow:
            return self._follow(FollowedLog(task_id, level), task_id, give_up_after)
        return self._pages(calls.list_log_lines(task_id, level))

    def executors(self, *, status: str | None = None) -> Iterator[Executor]:
        """Executors by id; pages are fetched as they are read."""
        return self._pages(calls.list_executors(status))

    def executor(self, executor: str) -> Executor:
        return self._send(calls.get_executor(executor))

    def drain(self, executor: str, *, reason: str | None = None) -> Executor:
        """Gives an executor no new tasks; what it runs may finish."""
        return self._send(calls.act_on_executor(executor, "drain", reason))

    def activate_executor(self, executor: str) -> Executor:
        return self._send(calls.act_on_executor(executor, "activate"))

    def deactivate_executor(self, executor: str, *, reason: str) -> Executor:
        """Ends its session, requeues what it held, and refuses it until it is activated."""
        return self._send(calls.act_on_executor(executor, "deactivate", reason))

    def _pages(self, call: Call[Page[T]]) -> Iterator[T]:
        cursor: str | None = None
        while True:
            page = self._send(calls.with_query(call, limit=str(LARGEST_PAGE), cursor=cursor))
            yield from page["items"]
            cursor = page.get("nextCursor")
            if not cursor:
                return

    def _send(self, call: Call[T]) -> T:
        with self._failures_named():
            answer = self._http.send(self._request(call))
        return call.read(answer.status_code, answer.content)

    def _follow(self, log: FollowedLog, task_id: str, give_up_after: float) -> Iterator[LogLine]:
        pause, lost_at = 0.1, time.monotonic()
        while True:
            try:
                for line in self._stream(log):
                    yield line
                    pause, lost_at = 0.1, time.monotonic()
                if has_ended(self.task(task_id)):
                    return
                lost_at = time.monotonic()
            except NoAnswer:
                lost_at = time.monotonic()  # silent, yet there
            except (Unreachable, ApiError) as error:
                passing = isinstance(error, Unreachable) or error.status in (502, 503, 504)
                if not passing or time.monotonic() - lost_at > give_up_after:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _stream(self, log: FollowedLog) -> Iterator[LogLine]:
        call = log.connect()
        request = self._request(call, accept="application/x-ndjson", read_timeout=_LONGEST_SILENCE)
        with self._failures_named():
            answer = self._http.send(request, stream=True)
        try:
            with self._failures_named():
                if answer.status_code >= 300:
                    call.read(answer.status_code, answer.read())
                for text in answer.iter_lines():
                    line = log.accept(text)
                    if line is not None:
                        yield line
        finally:
            answer.close()

    def _request(
        self, call: Call[T], *, accept: str = "application/json", read_timeout: float | None = None
    ) -> httpx.Request:
        return self._http.build_request(
            call.method,
            call.path,
            params=dict(call.query),
            content=None if call.body is None else msgspec.json.encode(call.body),
            headers={"Accept": accept} | ({} if call.body is None else {"Content-Type": "application/json"}),
            timeout=httpx.Timeout(self._timeout, read=read_timeout or self._timeout),
        )

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectTimeout:
            raise Unreachable(self.server, "no connection within the time-out") from None
        except httpx.TimeoutException:
            raise NoAnswer(self.server, self._timeout) from None
        except httpx.TransportError as error:
            raise Unreachable(self.server, _cause(error)) from None
        except msgspec.DecodeError as error:
            raise SchedulerError(f"the scheduler at {self.server} sent a log line that is not JSON: {error}") from None


def _cause(error: httpx.TransportError) -> str:
    """The words of the operating system where there are any: httpx wraps them two levels deep."""
    deepest: BaseException = error
    while deepest.__cause__ or deepest.__context__:
        deepest = deepest.__cause__ or deepest.__context__ or deepest
    text = (deepest.strerror or str(deepest)) if isinstance(deepest, OSError) else str(error)
    return (text or type(error).__name__).lower().rstrip(".")
