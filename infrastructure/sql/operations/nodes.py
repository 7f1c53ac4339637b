"""The nodes of a cluster in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa

from domain.operations.node import Node, NodeId
from domain.operations.ports.nodes import NodeDirectory
from infrastructure.sql.insert import insert
from infrastructure.sql.operations.node_tables import nodes
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_n = nodes.c
_roles = msgspec.json.Decoder(tuple[str, ...]).decode


class SqlNodes(NodeDirectory):
    """A row a process."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def beat(self, node: Node) -> None:
        row = {
            "id": node.id,
            "label": node.label,
            "roles": msgspec.json.encode(node.roles).decode(),
            "version": node.version,
            "host": node.host,
            "started_at": node.started_at,
            "last_beat_at": node.last_beat_at,
        }
        known = {"last_beat_at": node.last_beat_at, "left_at": None}
        beaten = insert(self._work.dialect, nodes).values(row)
        await self._work.execute(beaten.on_conflict_do_update(index_elements=[_n.id], set_=known))

    async def leave(self, node_id: NodeId, at: datetime) -> None:
        await self._work.execute(sa.update(nodes).where(_n.id == node_id).values(left_at=at))

    async def all(self) -> Sequence[Node]:
        rows = await self._work.execute(sa.select(nodes).order_by(_n.started_at.desc(), _n.id))
        return [
            Node(
                id=NodeId(row.id),
                label=row.label,
                roles=_roles(row.roles),
                version=row.version,
                host=row.host,
                started_at=row.started_at,
                last_beat_at=row.last_beat_at,
                left_at=row.left_at,
            )
            for row in rows
        ]

    async def forget(self, silent_since: datetime) -> int:
        return (await self._work.execute(sa.delete(nodes).where(_n.last_beat_at < silent_since))).rowcount
