"""A node: one server process of the platform, from its start to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

NodeId = NewType("NodeId", UUID)


class NodeStatus(StrEnum):
    """UP beats, LEFT said goodbye, LOST did neither."""

    UP = "UP"
    LEFT = "LEFT"
    LOST = "LOST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """`id` is random and new with every start: it is who the node is. `label` is what people call it."""

    id: NodeId
    label: str
    roles: tuple[str, ...]
    version: str
    host: str
    started_at: datetime
    last_beat_at: datetime
    left_at: datetime | None = None

    def status(self, now: datetime, timeout: timedelta) -> NodeStatus:
        """How it stands at this instant; no rule depends on it."""
        if self.left_at is not None:
            return NodeStatus.LEFT
        return NodeStatus.UP if self.last_beat_at > now - timeout else NodeStatus.LOST
