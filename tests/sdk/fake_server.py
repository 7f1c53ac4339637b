"""A server of the executor protocol in memory, faithful in what a worker can observe, and able to misbehave."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import web

Body = dict[str, Any]
Fault = Callable[[], "web.Response | None"]

LIVE = "RUNNING"
LAST_WORDS = ("LOG", "PROGRESS", "CHECKPOINT", "STOPPED")
"""What an attempt may still say that the server has ended."""


@dataclass
class FakeTask:
    """A task as the server records it; `status` is that of its latest attempt."""

    id: str
    item: Body
    status: str = "PENDING"
    token: int = 0
    attempts: int = 0
    executor: str = ""
    claim_id: str = ""
    reason: str | None = None
    result: Any = None
    error: Body = field(default_factory=dict)
    retryable: bool = True
    lines: list[Body] = field(default_factory=list)
    logs: Counter[int] = field(default_factory=Counter)
    """The LOG reports of each lease."""
    reports: list[Body] = field(default_factory=list)
    """Those that took effect, in order."""
    orphans: list[Body] = field(default_factory=list)
    """Those that came without the lease."""

    @property
    def held(self) -> bool:
        return self.status in (LIVE, "STOPPING")

    @property
    def output(self) -> list[str]:
        return [line["message"] for line in self.lines]


@dataclass
class FakeSession:
    epoch: int
    instance: str
    registration: Body
    alive: bool = True
    left: bool = False
    running: list[Body] = field(default_factory=list)
    """What the latest heartbeat listed."""


class FakeServer:
    """Listens on a free port of loopback; `stop` and `start` again is a restart that forgets nothing."""

    def __init__(self) -> None:
        self.tasks: dict[str, FakeTask] = {}
        self.sessions: dict[str, FakeSession] = {}
        self.past: list[FakeSession] = []
        self.calls: list[tuple[str, Body]] = []
        """Every call that arrived, also those that were dropped: the verb and the body."""
        self.faults: dict[str, deque[str | int]] = {}
        self.heartbeat_seconds = 30.0
        self.drain = False
        self.open_claims: Counter[str] = Counter()
        self.most_open = 0
        """The most tasks that claims waiting at the same time asked for."""
        self.down: set[str] = set()
        """The verbs that are answered 503."""
        self.latency = 0.0
        """Seconds that the store takes for each call."""
        self.impatient = False
        """Whether claims are answered at once, whatever they say of waiting."""
        self.poison: set[str] = set()
        """Tasks of which any report makes the whole call malformed."""
        self.in_flight = self.most_in_flight = 0
        """Claims and reports under way at the same time."""
        self.invalid: set[str] = set()
        """Kinds of reports that are answered INVALID."""
        self.port = 0
        self._tokens = count(1)
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        application = web.Application(client_max_size=8 * 1024 * 1024)
        root = "/api/v1/cluster/executors"
        application.router.add_post(root, self._serve)
        application.router.add_post(root + "/{executor}/{verb}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # What a test does to it

    async def add(self, type: str = "PYTHON", **item: Any) -> FakeTask:
        id = str(uuid.uuid4())
        item = {"handler": None, "parameters": {}, "timeoutSeconds": None, "jobName": "a-job", **item, "type": type}
        self.tasks[id] = FakeTask(id, item)
        await self.notify()
        return self.tasks[id]

    async def command(self, command: str | list[str], **parameters: Any) -> FakeTask:
        timeout = parameters.pop("timeout", None)
        return await self.add("COMMAND", parameters={"command": command, **parameters}, timeoutSeconds=timeout)

    async def cancel(self, task: FakeTask, reason: str = "a user asked for it") -> None:
        task.status, task.reason = "STOPPING", reason
        await self.notify()

    async def end_sessions(self) -> None:
        """As after a silence that was too long: the sessions are over, their tasks are requeued."""
        for session in self.sessions.values():
            session.alive = False
        self._requeue()
        await self.notify()

    async def notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def forget(self) -> None:
        """As after the loss of its database."""
        self.past += self.sessions.values()
        self.sessions.clear()
        for session in self.past:
            session.alive = False
        self._requeue()
        await self.notify()

    def fail_next(self, verb: str, *faults: str | int) -> None:
        """Each fault meets one call: a status to answer with, "drop", "drop-answer", "hang", "ended" or "no-json"."""
        self.faults.setdefault(verb, deque()).extend(faults)

    async def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Wait for a condition; the bound is generous, and only there to end a test that fails."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - conditions of any kind
                await asyncio.sleep(0.005)

    async def ended(self, *tasks: FakeTask) -> None:
        await self.until(lambda: not any(task.held or task.status == "PENDING" for task in tasks))

    def count(self, verb: str) -> int:
        return sum(called == verb for called, _ in self.calls)

    def bodies(self, verb: str) -> list[Body]:
        return [body for called, body in self.calls if called == verb]

    def reported(self, task: FakeTask) -> list[Body]:
        """Every report of a task that arrived, whatever became of it."""
        reports = [report for _, body in self.calls for report in body.get("reports", ())]
        return [report for report in reports if report["taskId"] == task.id]

    # What it answers

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        verb = request.match_info.get("verb", "register")
        body = json.loads(await request.read())
        self.calls.append((verb, body))
        fault = self.faults[verb].popleft() if self.faults.get(verb) else None
        if verb in self.down:
            return _problem(503, "UNAVAILABLE", "the store is away")
        if isinstance(fault, int):
            return _problem(fault, f"FAULT_{fault}", f"the {verb} is answered {fault}")
        if fault == "drop":
            return _hang_up(request)
        if fault == "ended":
            return _problem(409, "SESSION_ENDED", "the session has ended")
        if fault == "hang":
            await asyncio.sleep(600)
        if fault == "no-json":
            return web.Response(text="<html>Welcome to the hotel's network</html>")
        if self.poison & {report["taskId"] for report in body.get("reports", ())}:
            return _problem(422, "INVALID_REPORTS", "a report is malformed")
        self.in_flight += verb in ("claim", "reports")
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
            answer = await self._answer(verb, request.match_info.get("executor", ""), body)
        finally:
            self.in_flight -= verb in ("claim", "reports")
        return _hang_up(request) if fault == "drop-answer" else answer

    async def _answer(self, verb: str, executor: str, body: Body) -> web.Response:
        if verb == "register":
            return web.json_response(self._register(body), status=201)
        session = self.sessions.get(executor)
        if session is None:
            return _problem(409, "SESSION_ENDED", "no such executor")
        if body["epoch"] != session.epoch:
            return _problem(409, "SUPERSEDED", "another process has registered as this executor")
        if not session.alive:
            return _problem(409, "SESSION_ENDED", "the session has ended")
        if verb == "leave":
            session.alive, session.left = False, True
            self._requeue()
            return web.json_response({})
        if verb == "heartbeat":
            return web.json_response(self._beat(executor, session, body))
        outcomes = [self._apply(executor, report) for report in body.get("reports", ())]
        if verb == "reports":
            return web.json_response({"outcomes": outcomes})
        answer = await self._claim(executor, session, body)
        if answer is None:
            return self._over(executor, session)
        return web.json_response({**answer, "outcomes": outcomes})

    def _over(self, executor: str, session: FakeSession) -> web.Response:
        if self.sessions.get(executor, session) is not session:
            return _problem(409, "SUPERSEDED", "another process has registered as this executor")
        return _problem(409, "SESSION_ENDED", "the session has ended")

    def _register(self, body: Body) -> Body:
        executor = body.get("executorId") or str(uuid.uuid4())
        known = self.sessions.get(executor)
        if known is None or known.instance != body["instanceId"]:
            if known is not None:
                self.past.append(known)
                known.alive = False
                self._requeue()
            self.sessions[executor] = FakeSession(known.epoch + 1 if known else 1, body["instanceId"], body)
        epoch = self.sessions[executor].epoch
        return {
            "executorId": executor,
            "epoch": epoch,
            "heartbeatIntervalSeconds": self.heartbeat_seconds,
            "heartbeatTimeoutSeconds": 4 * self.heartbeat_seconds,
        }

    def _beat(self, executor: str, session: FakeSession, body: Body) -> Body:
        session.running = body["running"]
        lost = [lease for lease in body["running"] if not self._holds(executor, lease)]
        return {
            "serverTime": body["sentAt"],
            "cancel": self._orders(executor),
            "lost": lost,
            "drain": self.drain,
            "minimumClientVersion": "0.0.1",
        }

    async def _claim(self, executor: str, session: FakeSession, body: Body) -> Body | None:
        most, wait = body["max"], float(body["wait"].removeprefix("PT").removesuffix("S"))
        until = asyncio.get_running_loop().time() + wait
        self.open_claims[executor] += most
        self.most_open = max(self.most_open, self.open_claims[executor])
        try:
            async with self._changed:
                while session.alive:
                    items, orders = self._hand_out(executor, most, body["claimId"]), self._orders(executor)
                    left = until - asyncio.get_running_loop().time()
                    if items or orders or left <= 0 or self.impatient:
                        return {"tasks": items, "cancel": orders}
                    try:
                        await asyncio.wait_for(self._changed.wait(), left)
                    except TimeoutError:
                        continue
            return None
        finally:
            self.open_claims[executor] -= most

    def _hand_out(self, executor: str, most: int, claim_id: str) -> list[Body]:
        before = [task for task in self.tasks.values() if task.held and task.claim_id == claim_id]
        if before:
            return [self._item(task) for task in before]
        waiting = [task for task in self.tasks.values() if task.status == "PENDING"][:most]
        for task in waiting:
            task.status, task.executor, task.claim_id, task.token = LIVE, executor, claim_id, next(self._tokens)
            task.attempts += 1
        return [self._item(task) for task in waiting]

    def _item(self, task: FakeTask) -> Body:
        nothing = {"deadlineAt": None, "checkpoint": None, "traceparent": None}
        return {**nothing, **task.item, "taskId": task.id, "token": task.token, "attempt": task.attempts}

    def _orders(self, executor: str) -> list[Body]:
        stopping = [task for task in self.tasks.values() if task.status == "STOPPING" and task.executor == executor]
        return [{"taskId": task.id, "token": task.token, "reason": task.reason} for task in stopping]

    def _holds(self, executor: str, lease: Body) -> bool:
        task = self.tasks[lease["taskId"]]
        return task.held and task.executor == executor and task.token == lease["token"]

    def _requeue(self) -> None:
        alive = {executor for executor, session in self.sessions.items() if session.alive}
        for task in self.tasks.values():
            if task.held and task.executor not in alive:
                task.status = "PENDING" if task.status == LIVE else "CANCELLED"

    def _apply(self, executor: str, report: Body) -> Body:
        task, kind = self.tasks[report["taskId"]], report["kind"]
        if kind in self.invalid:
            problem = {"code": "INVALID", "detail": f"no {kind} today"}
            return {"taskId": task.id, "outcome": "INVALID", "problem": problem}
        if report in task.reports or (kind == "LOG" and report["sequence"] <= task.logs[report["token"]]):
            return {"taskId": task.id, "outcome": "ALREADY"}
        if not self._holds(executor, report) or (task.status == "STOPPING" and kind not in LAST_WORDS):
            task.orphans.append(report)
            return {"taskId": task.id, "outcome": "LEASE_LOST"}
        task.reports.append(report)
        if kind == "LOG":
            task.lines += report["lines"]
            task.logs[report["token"]] += 1
        elif kind == "COMPLETE":
            task.status, task.result = "COMPLETED", report.get("result")
        elif kind == "FAIL":
            task.status, task.error, task.retryable = "FAILED", report["error"], report.get("retryable", True)
        elif kind == "SNOOZE":
            task.status = "SNOOZED"
        elif kind in ("STOPPED", "CANCEL"):
            task.status = "CANCELLED"
        elif kind == "RELEASE":
            task.status = "RELEASED"
        return {"taskId": task.id, "outcome": "APPLIED"}


def _problem(status: int, code: str, detail: str) -> web.Response:
    problem = {"title": code, "status": status, "code": code, "detail": detail, "success": False, "message": detail}
    return web.json_response(problem, status=status, content_type="application/problem+json")


def _hang_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
