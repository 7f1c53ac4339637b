"""What users do meanwhile: ask for tasks, cancel them, make jobs, pause, take locks; each call is written down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import httpx

from tests.chaos.workload import ENDLESS, PAUSED_AT_TIMES, SLOW, one_time
from tests.invariants.history import Call, Outcome

TRIES = 6
PATIENCE = 4.0
"""Seconds until a client gives a call up."""
SHARED_KEYS = ("unique:a", "unique:b", "unique:c")
LOCKS = ("ledger", "printer")


class Clients:
    """Calls nodes themselves, and through `balancer`, which repeats and loses, what may be repeated."""

    def __init__(self, nodes: Callable[[], Sequence[str]], balancer: str, seed: int) -> None:
        self._nodes, self._balancer = nodes, balancer
        self._dice = Random(f"clients {seed}")
        self._numbers = count(1)
        self._http = httpx.AsyncClient(timeout=PATIENCE)
        self.calls: list[Call] = []
        self.followed: list[tuple[int, int]] = []
        self.connected = asyncio.Event()

    async def close(self) -> None:
        await self._http.aclose()

    def users(self) -> list[Callable[[], Awaitable[None]]]:
        """All of them, each to be repeated for ever."""
        unique = [self._submit_unique] * 2
        locks = [self._lock] * 3
        asks = [self._submit, self._submit_again, self._cancel, self._create, self._pause]
        return [*asks, *unique, *locks]

    async def pause_all(self, names: Sequence[str]) -> None:
        """Until it is certain that none of them fires any more."""
        for name in names:
            while not await self._verb("PAUSE", name):
                await self._rest(0.1, 0.3)

    async def follow(self) -> None:
        """Hear all events; whenever the stream breaks, go on behind the last one."""
        while True:
            with contextlib.suppress(httpx.HTTPError):
                headers = {"Last-Event-ID": "{}.{}".format(*self.followed[-1])} if self.followed else {}
                url = f"{self._dice.choice(self._nodes() or ['http://127.0.0.1:9'])}/api/v1/events/stream"
                async with self._http.stream("GET", url, headers=headers, timeout=20) as answer:
                    if answer.status_code == 200:
                        async for line in answer.aiter_lines():
                            self._hear(line)
            await asyncio.sleep(0.1)

    def _hear(self, line: str) -> None:
        self.connected.set()
        if line.startswith("id: "):
            seq, _, index = line[4:].partition(".")
            self.followed.append((int(seq), int(index)))

    async def _submit(self) -> None:
        """Once, and never again: whether it took effect may stay unknown."""
        mark = self._mark()
        job = self._dice.choice(("asked-for", "times-out", "endless", "never-twice"))
        body = {"jobId": job, "parameters": self._parameters(job, mark)}
        await self._call("SUBMIT", f"plain:{mark}", "/tasks", body, mark)
        await self._rest(0.2, 0.6)

    async def _submit_again(self) -> None:
        """Until it is answered, under one key; then at times under the same key something else."""
        mark = self._mark()
        key = f"idempotent:{mark}"
        body = {"jobId": "asked-for", "parameters": self._parameters("asked-for", mark)}
        for _ in range(TRIES):
            call = await self._call("SUBMIT", key, "/tasks", body, mark, once=key)
            if call.outcome is not Outcome.UNKNOWN:
                break
            await self._rest(0.1, 0.5)
        if self._dice.random() < 0.5:
            await self._call("SUBMIT", key, "/tasks", body, mark, once=key)
        if self._dice.random() < 0.3:
            other = self._mark()
            changed = body | {"parameters": self._parameters("asked-for", other)}
            await self._call("SUBMIT", key, "/tasks", changed, other, once=key)
        await self._rest(0.2, 0.8)

    async def _submit_unique(self) -> None:
        mark, key = self._mark(), self._dice.choice(SHARED_KEYS)
        body = {"jobId": "asked-for", "uniqueKey": key, "parameters": self._parameters("asked-for", mark)}
        await self._call("SUBMIT", f"{key}:{mark}", "/tasks", body, mark)
        await self._rest(0.1, 0.5)

    async def _cancel(self) -> None:
        mark = self._mark()
        body = {"jobId": "long", "parameters": {"low": 1.0, "high": 5.0, "mark": mark}}
        made = await self._call("SUBMIT", f"plain:{mark}", "/tasks", body, mark)
        await self._rest(0.0, 2.0)
        if made.subject:
            for _ in range(TRIES):
                call = await self._call("CANCEL", mark, f"/tasks/{made.subject}/cancel", {})
                if call.outcome is not Outcome.UNKNOWN:
                    break
        await self._rest(0.2, 0.8)

    async def _create(self) -> None:
        name = f"once-{next(self._numbers)}"
        at = datetime.now(UTC) + timedelta(seconds=self._dice.uniform(0.5, 5))
        await self._call("CREATE", name, "/jobs", one_time(name, at))
        await self._rest(0.8, 2.5)

    async def _pause(self) -> None:
        for what in ("PAUSE", "RESUME"):
            for _ in range(TRIES):
                if await self._verb(what, PAUSED_AT_TIMES):
                    break
                await self._rest(0.1, 0.3)
            await self._rest(0.5, 3.0)

    async def _verb(self, what: str, job: str) -> bool:
        call = await self._call(what, job, f"/jobs/{job}/{what.lower()}", {})
        return call.outcome is not Outcome.UNKNOWN

    async def _lock(self) -> None:
        """For a while; at times for longer than it was asked for."""
        name, owner = self._dice.choice(LOCKS), f"holder-{next(self._numbers)}"
        held = await self._call("LOCK", name, f"/locks/{name}/acquire", {"owner": owner, "ttl": "PT1S"})
        if held.outcome is Outcome.OK:
            await self._rest(0.0, 1.5)
            given_up = datetime.now(UTC)
            if held.until is None or given_up < held.until:
                self.calls.remove(held)
                self.calls.append(replace(held, until=given_up))
            await self._post(self._node(), f"/locks/{name}/release", {"token": held.token}, None)
        await self._rest(0.05, 0.4)

    async def _call(
        self,
        what: str,
        key: str,
        path: str,
        body: dict[str, Any],
        mark: str | None = None,
        *,
        once: str | None = None,
    ) -> Call:
        """Make it and write it down. What has a key of its own goes the bad way; the rest must not be repeated."""
        address = self._node() if once is None else self._balancer
        invoked = datetime.now(UTC)
        answer = await self._post(address, path, body, once)
        outcome, said = _outcome(answer)
        call = Call(
            what=what,
            key=key,
            invoked_at=invoked,
            answered_at=datetime.now(UTC),
            outcome=outcome,
            mark=mark,
            subject=said.get("owner") if what == "LOCK" else said.get("id"),
            token=said.get("token") if what == "LOCK" else None,
            until=datetime.fromisoformat(said["expiresAt"]) if "expiresAt" in said and what == "LOCK" else None,
        )
        self.calls.append(call)
        return call

    async def _post(self, address: str, path: str, body: dict[str, Any], once: str | None) -> httpx.Response | None:
        headers = {} if once is None else {"Idempotency-Key": once}
        with contextlib.suppress(httpx.HTTPError):
            return await self._http.post(f"{address}/api/v1{path}", json=body, headers=headers)
        return None

    def _node(self) -> str:
        return self._dice.choice(self._nodes() or ["http://127.0.0.1:9"])

    def _parameters(self, job: str, mark: str) -> dict[str, Any]:
        wish = {"times-out": SLOW, "endless": ENDLESS}.get(job, {"low": 0.05, "high": 0.5})
        return {**wish, "failing": 0.0 if job == "never-twice" else 0.3, "mark": mark}

    def _mark(self) -> str:
        return f"m{next(self._numbers)}"

    async def _rest(self, low: float, high: float) -> None:
        await asyncio.sleep(self._dice.uniform(low, high))


def _outcome(answer: httpx.Response | None) -> tuple[Outcome, dict[str, Any]]:
    if answer is None or answer.status_code >= 500:
        return Outcome.UNKNOWN, {}
    if answer.is_success:
        with contextlib.suppress(ValueError):
            return Outcome.OK, answer.json()
        return Outcome.UNKNOWN, {}
    return Outcome.REFUSED, {}
