"""What the parts of a unit of work have in common: their methods are statements."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from tests.simulation.store.database import Transaction

P = ParamSpec("P")
T = TypeVar("T")


class Part(Protocol):
    """Has a transaction to run its statements in."""

    @property
    def transaction(self) -> Transaction: ...


S = TypeVar("S", bound=Part)


def statement(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Makes one of a method that looks and writes at once."""

    async def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.transaction.run(lambda: method(self, *args, **kwargs))

    run.__name__ = run.__qualname__ = method.__name__
    return run
