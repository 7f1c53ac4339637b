"""The nodes of a cluster: each says that it lives; all can be seen."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.operations.ports import BeginOperations
from domain.operations.node import Node, NodeId, NodeStatus
from domain.operations.ports.nodes import KEPT

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Self:
    """What this process is. `id` is random."""

    id: NodeId
    label: str
    roles: tuple[str, ...]
    version: str
    host: str


class Nodes:
    """Nothing depends on a node being known here: all nodes run every loop, and who has died is missed by nobody."""

    def __init__(self, begin: BeginOperations, self_: Self, timeout: timedelta) -> None:
        self._begin = begin
        self._self = self_
        self._timeout = timeout
        self._started_at: datetime | None = None
        self._warned: set[NodeId] = set()

    async def beat(self) -> None:
        """This node lives. Says so in the log once if another one that lives has the same label."""
        me = self._self
        async with self._begin() as work:
            self._started_at = self._started_at or work.now
            node = Node(
                id=me.id,
                label=me.label,
                roles=me.roles,
                version=me.version,
                host=me.host,
                started_at=self._started_at,
                last_beat_at=work.now,
            )
            await work.nodes.beat(node)
            await work.nodes.forget(work.now - KEPT)
            others = await work.nodes.all()
            now = work.now
            await work.commit()
        for other in others:
            if other.label == me.label and other.id != me.id and other.status(now, self._timeout) is NodeStatus.UP:
                self._warn(other)

    async def leave(self) -> None:
        """This node is about to end."""
        async with self._begin() as work:
            await work.nodes.leave(self._self.id, work.now)
            await work.commit()

    async def all(self) -> Sequence[tuple[Node, NodeStatus]]:
        """Those that are remembered, the latest start first, with how they stand."""
        async with self._begin() as work:
            return [(node, node.status(work.now, self._timeout)) for node in await work.nodes.all()]

    @property
    def id(self) -> NodeId:
        """Of this process."""
        return self._self.id

    @property
    def every(self) -> timedelta:
        """How often to beat: two beats may be lost before anybody takes it for dead."""
        return self._timeout / 3

    def _warn(self, other: Node) -> None:
        if other.id not in self._warned:
            self._warned.add(other.id)
            log.warning(
                "another node that lives, on host %s since %s, is called %s too: both work, as each has an identity of"
                " its own, but people cannot tell them apart. Give each its platform.scheduler.cluster.node-id.",
                other.host,
                other.started_at.isoformat(timespec="seconds"),
                other.label,
            )
