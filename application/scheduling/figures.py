"""The size of things at this moment, as the store knows them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """A pool of executors: what those that are online can do at once, what all hold, how long its queue has waited.

    `oldest_wait_seconds` is that of the longest waiting among the first tasks of its lanes; 0 if none waits.
    """

    pool: str
    slots: int = 0
    slots_used: int = 0
    oldest_wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of all tenants. `ailing` counts schedules by what is wrong with them."""

    active_jobs: int
    online_executors: int
    pools: Sequence[PoolFigures]
    ailing: Mapping[str, int] = field(default_factory=dict)
    stalled_executors: int = 0


class FiguresReader(Protocol):
    """Takes some milliseconds, more with many jobs: to be asked every few seconds, not for every request."""

    @abstractmethod
    async def figures(self) -> Figures:
        """How things stand. May raise `StoreUnavailable`."""
