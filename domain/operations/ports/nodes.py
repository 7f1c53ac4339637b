"""Where the nodes of a cluster are known."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.operations.node import Node, NodeId


class NodeDirectory(Protocol):
    """Part of a unit of work."""

    @abstractmethod
    async def beat(self, node: Node) -> None:
        """It lives: a node that is not known yet, or was forgotten, is entered."""

    @abstractmethod
    async def leave(self, node_id: NodeId, at: datetime) -> None:
        """It says goodbye."""

    @abstractmethod
    async def all(self) -> Sequence[Node]:
        """Every node that is remembered, the latest start first."""

    @abstractmethod
    async def forget(self, silent_since: datetime) -> int:
        """Remove those whose last beat is older; how many."""


KEPT = timedelta(days=1)
"""How long a node that is gone is shown."""
