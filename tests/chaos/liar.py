"""An executor that works and lies: it claims what is not so, in its own name. `python -m tests.chaos.liar …`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import uuid
from pathlib import Path
from random import Random
from typing import Any

import httpx

from tests.chaos.witness import HANDLER, PLANNED, Witness, fate

SLOTS = 4
BEAT_SECONDS = 1.0
SILENTLY = 0.1
"""The share of tasks that it drops without a word."""

LIE = {"lie": True}


class SessionOver(Exception):
    """The platform has given this session up."""


class Liar:
    """Speaks the protocol by hand. Every false report is written down with what was answered to it."""

    def __init__(self, api: httpx.AsyncClient, name: str, witness: Witness, seed: str) -> None:
        self._api, self._name, self._witness = api, name, witness
        self._dice = Random(seed)
        self._epoch = 0
        self._running: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._over: list[tuple[str, int]] = []

    async def run(self) -> None:
        """One session after the other, for ever."""
        while True:
            await self._register()
            with contextlib.suppress(SessionOver):
                await asyncio.gather(*(each() for each in (self._beat, self._claim, self._lie)))

    async def _register(self) -> None:
        for running in self._running.values():
            running.cancel()
        self._running.clear()
        body: dict[str, Any] = {"instanceId": str(uuid.uuid4()), "host": "h", "version": "1", "types": ["PYTHON"]}
        body |= {"handlers": [HANDLER], "executorId": self._name, "maxConcurrentTasks": SLOTS}
        while True:
            answer = await self._post("", body)
            if answer is not None and answer.status_code == 201:
                self._epoch = answer.json()["epoch"]
                return
            await asyncio.sleep(0.2)

    async def _beat(self) -> None:
        while True:
            running = [{"taskId": task, "token": token} for task, token in self._running]
            said = await self._call("heartbeat", {"running": running})
            self._heed(said.get("cancel", []))
            for lost in said.get("lost", []):
                self._stop((lost["taskId"], lost["token"]))
            await asyncio.sleep(BEAT_SECONDS)

    async def _claim(self) -> None:
        while True:
            wish = {"claimId": str(uuid.uuid4()), "max": SLOTS - len(self._running), "wait": "PT2S", "started": True}
            said = await self._call("claim", wish)
            self._heed(said.get("cancel", []))
            for item in said.get("tasks", []):
                key = item["taskId"], item["token"]
                if key not in self._running and key not in self._over:
                    self._running[key] = asyncio.create_task(self._work(item))
            await asyncio.sleep(0.05)

    async def _work(self, item: dict[str, Any]) -> None:
        key = task, token = item["taskId"], item["token"]
        wish = {"low": 0.05, "high": 0.3, "failing": 0.0} | (item["parameters"] or {})
        seconds, fails = fate(task, item["attempt"], wish["low"], wish["high"], wish["failing"])
        self._witness.began(task, token)
        how = "STOPPED"
        try:
            await asyncio.sleep(seconds)
            how = "FAILED" if fails else "DONE"
        finally:
            self._witness.ended(token, how)
            self._over.append(key)
            self._running.pop(key, None)
        if self._dice.random() < SILENTLY:
            return
        said: dict[str, Any] = {"kind": "COMPLETE", "result": {"token": token}}
        if fails:
            said = {"kind": "FAIL", "error": {"code": PLANNED, "message": "as was planned"}}
        with contextlib.suppress(SessionOver):
            await self._report(key, said)
            await self._false("ended otherwise after it had ended", key, "COMPLETE" if fails else "FAIL")
            await self._false("completed twice, with another result", key, "COMPLETE")

    def _heed(self, orders: list[dict[str, Any]]) -> None:
        for order in orders:
            self._stop((order["taskId"], order["token"]))
            asyncio.get_running_loop().create_task(self._confess((order["taskId"], order["token"])))

    def _stop(self, key: tuple[str, int]) -> None:
        if running := self._running.pop(key, None):
            running.cancel()

    async def _confess(self, key: tuple[str, int]) -> None:
        with contextlib.suppress(SessionOver):
            await self._false("completed after it was told to stop", key, "COMPLETE")
            await self._report(key, {"kind": "STOPPED"})

    async def _lie(self) -> None:
        """About tasks that others hold, and under old tokens."""
        while True:
            await asyncio.sleep(self._dice.uniform(0.2, 0.6))
            for task, token in list(self._running)[:1]:
                await self._false("completed under an older token", (task, token - 1), "COMPLETE")
            answer = await self._get("/tasks?status=RUNNING&limit=10")
            for found in [] if answer is None or answer.status_code != 200 else answer.json()["items"]:
                holder, token = found.get("executorId"), found.get("token") or self._dice.randint(1, 5000)
                if holder not in (None, self._name):
                    await self._false("completed the task of another", (found["id"], token), "COMPLETE")
                    await self._false("failed the task of another", (found["id"], token), "FAIL")

    async def _false(self, kind: str, key: tuple[str, int], report: str) -> None:
        said: dict[str, Any] = {"kind": report}
        said |= {"result": LIE} if report == "COMPLETE" else {"error": {"code": "LIE", "message": "lie"}}
        if outcome := await self._report(key, said):
            self._witness.lied(kind, outcome)

    async def _report(self, key: tuple[str, int], said: dict[str, Any]) -> str:
        report = {"taskId": key[0], "token": key[1], **said}
        answer = await self._call("reports", {"reports": [report]})
        outcomes = answer.get("outcomes", [])
        return str(outcomes[0]["outcome"]) if outcomes else ""

    async def _call(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        """Repeated until it is answered. Raises `SessionOver`."""
        epoch = self._epoch
        while True:
            answer = await self._post(f"/{self._name}/{verb}", {"epoch": epoch, **body})
            if answer is not None and answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            if answer is not None and answer.status_code in (404, 409):
                raise SessionOver
            if answer is not None and answer.status_code == 422:
                return {}
            await asyncio.sleep(0.2)

    async def _post(self, path: str, body: dict[str, Any]) -> httpx.Response | None:
        with contextlib.suppress(httpx.HTTPError):
            return await self._api.post(f"/cluster/executors{path}", json=body)
        return None

    async def _get(self, path: str) -> httpx.Response | None:
        with contextlib.suppress(httpx.HTTPError):
            return await self._api.get(path)
        return None


async def main(server: str, name: str, file: str, seed: str) -> None:
    async with httpx.AsyncClient(base_url=f"{server}/api/v1", timeout=5) as api:
        await Liar(api, name, Witness(Path(file), name), seed).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
