"""Calls between processes: late, lost on the way there or back, delivered twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from random import Random
from typing import TypeVar

from application.shared.errors import StoreUnavailable
from domain.shared.errors import DomainError
from tests.simulation.loop import VirtualLoop
from tests.simulation.node import Node

T = TypeVar("T")


class Unanswered(Exception):
    """Whether the call took effect is not known."""


class Network:
    """What goes wrong is set from outside, while the world runs."""

    def __init__(self, loop: VirtualLoop, random: Random) -> None:
        self._loop, self._random = loop, random
        self._nobody = Context()
        self.loss = self.doubling = 0.0
        self.slowest = 0.005
        self.cut: set[tuple[str, str]] = set()
        self.crashes: list[str] = []

    async def call(
        self, caller: str, node: Node, request: Callable[[Node], Awaitable[T]], patience: float, *, once: bool = False
    ) -> T:
        """The answer of the node, or what it refuses with; `once`: nothing on the way sends it again.

        Raises `Unanswered`, or `DomainError`.
        """
        answer: asyncio.Future[T] = self._loop.create_future()
        self._travel(caller, node, lambda: self._arrive(caller, node, request, answer))
        if not once and self._random.random() < self.doubling:
            delay = self._random.choice((0.01, 1.0, 20.0))
            again = lambda: self._arrive(caller, node, request, answer)
            self._loop.call_later(delay, again, context=self._nobody)
        try:
            async with asyncio.timeout(patience):
                return await answer
        except TimeoutError:
            raise Unanswered from None

    def _travel(self, caller: str, node: Node, arrive: Callable[[], None]) -> None:
        if (caller, node.name) in self.cut or self._random.random() < self.loss:
            return
        self._loop.call_later(self._random.uniform(0.0002, self.slowest), arrive, context=self._nobody)

    def _arrive(
        self, caller: str, node: Node, request: Callable[[Node], Awaitable[T]], answer: asyncio.Future[T]
    ) -> None:
        if node.process.is_dead:
            self._travel(caller, node, lambda: _reply(answer, Unanswered()))
            return
        self._loop.spawn(node.process, self._serve(caller, node, request, answer), "request")

    async def _serve(
        self, caller: str, node: Node, request: Callable[[Node], Awaitable[T]], answer: asyncio.Future[T]
    ) -> None:
        reply: Callable[[], None]
        try:
            result = await request(node)
            reply = lambda: _reply(answer, None, result)
        except DomainError as error:
            refusal = error
            reply = lambda: _reply(answer, refusal)
        except StoreUnavailable:
            reply = lambda: _reply(answer, Unanswered())
        except Exception as error:
            self.crashes.append(f"{node.name} failed to answer {caller}: {type(error).__name__}: {error}")
            reply = lambda: _reply(answer, Unanswered())
        self._travel(caller, node, reply)


def _reply(answer: asyncio.Future[T], error: Exception | None, result: T | None = None) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
        answer.exception()  # its caller may be gone
    else:
        answer.set_result(result)  # type: ignore[arg-type]
