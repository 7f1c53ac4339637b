"""The flow of tasks in and of reports out, in as few calls as the load allows."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from msgspec import Raw

from scheduler_sdk.errors import Refused
from scheduler_sdk.execution.attempt import Ending
from scheduler_sdk.execution.outbox import Batch, Outbox
from scheduler_sdk.execution.slots import Slots
from scheduler_sdk.protocol import backoff
from scheduler_sdk.protocol.link import Link
from scheduler_sdk.protocol.outcomes import heed
from scheduler_sdk.protocol.session import Session
from scheduler_sdk.wire import Claim, ClaimAnswer, Reports, encode

logger = logging.getLogger("scheduler_sdk")

WAIT = 20  # seconds for which a call stays open
ANSWER_WITHIN = 15.0  # seconds beyond the wait before a call is given up and repeated
MOST_CLAIMED = 500
MOST_PROMPT = 2  # one is under way while what the other brought is worked on
MOST_BACKLOG = 8 * 1024 * 1024  # bytes of reports above which nothing more is claimed

_claim_answer = msgspec.json.Decoder(ClaimAnswer).decode


@dataclass(eq=False, slots=True)
class _Call:
    """A call that the server has not answered."""

    ask: int
    batch: Batch
    waits: bool
    task: asyncio.Task[None] | None = None


class Exchange:
    """Claims for the free slots of one session, and delivers its reports.

    Two kinds of calls. A *prompt* one carries reports and is answered at once; it asks for tasks too where more are
    known to wait, or where no other call does: under load reports ride with the next claim, two calls are under way,
    and the batches grow by themselves. A *waiting* one carries no reports and stays open until there is a task or an
    order to stop one; without a free slot it asks for none. So a finished task is reported at once however long the
    waiting call waits, and no report can overtake an earlier one.
    """

    def __init__(self, link: Link, session: Session, slots: Slots, outbox: Outbox, changed: asyncio.Event) -> None:
        self._link = link
        self._session = session
        self._slots = slots
        self._outbox = outbox
        self._changed = changed
        self._share = max(1, min(MOST_CLAIMED, (slots.size + 1) // 2))
        self._calls: set[_Call] = set()
        self._claiming = True
        self._paused: asyncio.TimerHandle | None = None
        self._more = False  # whether the last claim was filled, so that more tasks are likely to wait
        self._idle_answers = 0
        self._failure: BaseException | None = None

    def claim(self, claiming: bool) -> None:
        """Whether to claim from now on. A call that waits for tasks is hung up."""
        if claiming == self._claiming:
            return
        self._claiming = claiming
        if not claiming:
            self._hang_up([call for call in self._calls if call.waits and call.ask])
        self._changed.set()

    async def run(self) -> None:
        """Exchange for ever. Raises `SessionEnded` and `Superseded`; what has no answer is in the outbox again."""
        try:
            while True:
                self._changed.clear()
                if self._failure is not None:
                    raise self._failure
                self._call_promptly()
                self._call_and_wait()
                await self._changed.wait()
        finally:
            if self._paused is not None:
                self._paused.cancel()
            await asyncio.gather(*self._hang_up(self._calls), return_exceptions=True)

    def _room(self) -> int:
        """How many tasks the next call may ask for: what runs and what is asked for never exceeds the slots."""
        if not self._claiming or self._paused is not None or self._outbox.bytes > MOST_BACKLOG:
            return 0
        asked = sum(call.ask for call in self._calls)
        return max(0, min(self._share, self._slots.free - asked))

    def _call_promptly(self) -> None:
        waiting = [call for call in self._calls if call.waits]
        most = 1 if waiting else MOST_PROMPT
        while len(self._calls) - len(waiting) < most:
            batch = self._outbox.take()
            nobody_asks = not any(call.ask for call in waiting)
            ask = self._room() if self._more or (batch and nobody_asks) else 0
            if not batch and not ask:
                return
            call = _Call(ask, batch, waits=False)
            self._begin(call, self._exchange(call))

    def _call_and_wait(self) -> None:
        if self._paused is not None or any(call.ask for call in self._calls):
            return
        ask = self._room()
        if ask or not any(call.waits for call in self._calls):
            call = _Call(ask, (), waits=True)
            self._begin(call, self._wait(call))

    async def _exchange(self, call: _Call) -> None:
        """One prompt call."""
        reports = [raw for _, _, raw in call.batch]
        try:
            answer = await (self._claim(call.ask, 0, reports) if call.ask else self._report(reports))
        except Refused as error:
            self._calls.discard(call)
            self._refused(error, call)
            return
        self._calls.discard(call)
        self._outbox.settle(call.batch)
        heed(call.batch, answer.outcomes, self._slots, self._outbox)
        self._accept(answer, call)

    async def _wait(self, call: _Call) -> None:
        """One waiting call."""
        began = asyncio.get_running_loop().time()
        try:
            answer = await self._claim(call.ask, WAIT, ())
        except Refused as error:
            self._calls.discard(call)
            self._refused(error, call)
            return
        self._calls.discard(call)
        if self._accept(answer, call) or asyncio.get_running_loop().time() - began > WAIT / 2:
            self._idle_answers = 0
        else:  # a server that stops, or repeats an order while it is carried out, must not be asked without a pause
            self._idle_answers += 1
            self._pause(min(1.0, 0.05 * 2 ** min(self._idle_answers, 8)))

    async def _claim(self, ask: int, wait: int, reports: Sequence[Raw]) -> ClaimAnswer:
        body = encode(Claim(self._session.epoch, uuid.uuid4().hex, ask, f"PT{wait}S", True, reports))
        return await self._link.persist(self._session.url("claim"), lambda: body, _claim_answer, wait + ANSWER_WITHIN)

    async def _report(self, reports: Sequence[Raw]) -> ClaimAnswer:
        body = encode(Reports(self._session.epoch, reports))
        return await self._link.persist(self._session.url("reports"), lambda: body, _claim_answer, ANSWER_WITHIN)

    def _accept(self, answer: ClaimAnswer, call: _Call) -> bool:
        """Whether the answer said anything new."""
        if call.ask:
            self._more = len(answer.tasks) >= call.ask
        for item in answer.tasks:
            self._slots.start(item)
        new = [order for order in answer.cancel if self._slots.stop(order.token, Ending.STOPPED, order.why)]
        return bool(answer.tasks or new)

    def _refused(self, error: Refused, call: _Call) -> None:
        """Find out what was refused: the claim, which pauses, or reports, which then go without one and in halves."""
        if call.ask or call.waits:
            logger.error("the server refuses a claim: %s", error)
            self._outbox.restore(call.batch)
            self._pause(backoff.LONGEST)
        elif self._outbox.refuse(call.batch):
            ((attempt, kind, _),) = call.batch
            task = attempt.item.task_id
            logger.error("a %s report of task %s is dropped, the server refuses it: %s", kind, task, error)

    def _pause(self, seconds: float) -> None:
        """Claim nothing for a while; reports go on."""
        if self._paused is None:
            self._paused = asyncio.get_running_loop().call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._paused = None
        self._changed.set()

    def _begin(self, call: _Call, work: Coroutine[None, None, None]) -> None:
        self._calls.add(call)
        call.task = asyncio.get_running_loop().create_task(work)
        call.task.add_done_callback(partial(self._ended, call))

    def _ended(self, call: _Call, task: asyncio.Task[None]) -> None:
        """A call is over. Not in a `finally` of its own: a task that is cancelled before it begins runs none."""
        if call in self._calls:
            self._calls.discard(call)
            self._outbox.restore(call.batch)
        if not task.cancelled():
            failure = task.exception()  # of each call: one that nobody asks for is told as an error of the program
            self._failure = self._failure or failure
        self._changed.set()

    def _hang_up(self, calls: Iterable[_Call]) -> list[asyncio.Task[None]]:
        tasks = [call.task for call in calls if call.task is not None]
        for task in tasks:
            task.cancel()
        return tasks
