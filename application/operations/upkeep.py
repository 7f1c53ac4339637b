"""What an operation does: work that counts what it has done, small piece by small piece."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from domain.operations.operation import OperationTerms


class Tally:
    """What one execution has done so far; it stays true when the rest fails."""

    def __init__(self) -> None:
        self.processed = 0

    def add(self, count: int) -> None:
        self.processed += count


Work = Callable[[Tally], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Upkeep:
    """An operation with its work. The work may be cancelled at any await: what was committed stays."""

    terms: OperationTerms
    work: Work


def counted(work: Callable[[], Awaitable[int]]) -> Work:
    """Work that is one piece and returns how much it did."""

    async def run(tally: Tally) -> None:
        tally.add(await work())

    return run


def piece_by_piece(piece: Callable[[], Awaitable[int]]) -> Work:
    """Work that is done when a piece of it has found nothing more to do."""

    async def run(tally: Tally) -> None:
        while (done := await piece()) > 0:
            tally.add(done)

    return run
