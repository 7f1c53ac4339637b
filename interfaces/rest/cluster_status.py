"""The cluster as a whole: its nodes, executors and tasks, and who holds the locks of its upkeep."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from litestar import get

from application.operations.nodes import Nodes
from application.operations.views import HeldLockView
from application.scheduling.queries import SchedulingReader
from application.scheduling.views import ClusterView
from application.shared.principal import Principal
from domain.operations.node import Node, NodeStatus
from domain.operations.ports.locks import Locks
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.operations.cluster_locks import held_lock


class NodeView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A server process. `id` is random and new with every start, `label` is what people call it.

    UP beats, LEFT said goodbye, LOST did neither. `isThis`: it is the one that answers.
    """

    id: UUID
    label: str
    status: NodeStatus
    roles: Sequence[str]
    version: str
    host: str
    started_at: datetime
    last_beat_at: datetime
    left_at: datetime | None
    is_this: bool


class NodesView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """All of the last day, the latest start first."""

    items: Sequence[NodeView]
    next_cursor: str | None = None


class ClusterStatusView(ClusterView, frozen=True, kw_only=True):
    """`nodes`: those that are UP. `locks`: of the platform's own upkeep, held now."""

    nodes: Sequence[NodeView]
    locks: Sequence[HeldLockView]


@get("/cluster/nodes", operation_id="clusterNodes", tags=["Cluster"], responses=problems())
async def cluster_nodes(nodes: Injected[Nodes]) -> NodesView:
    """The server processes of the platform."""
    return NodesView(items=await _all(nodes))


@get("/cluster/status", operation_id="clusterStatus", tags=["Cluster"], responses=problems())
async def cluster_status(
    principal: Injected[Principal],
    reader: Injected[SchedulingReader],
    nodes: Injected[Nodes],
    operation_locks: Injected[Locks],
) -> ClusterStatusView:
    """Nodes, executors, slots and live tasks, counted; what is stopped; who holds which lock of the upkeep."""
    counted = await reader.cluster(principal.tenant)
    return ClusterStatusView(
        **msgspec.structs.asdict(counted),
        nodes=[node for node in await _all(nodes) if node.status is NodeStatus.UP],
        locks=[held_lock(lock) for lock in await operation_locks.held(principal.tenant)],
    )


async def _all(nodes: Nodes) -> list[NodeView]:
    return [_view(node, status, is_this=node.id == nodes.id) for node, status in await nodes.all()]


def _view(node: Node, status: NodeStatus, *, is_this: bool) -> NodeView:
    return NodeView(
        id=node.id,
        label=node.label,
        status=status,
        roles=node.roles,
        version=node.version,
        host=node.host,
        started_at=node.started_at,
        last_beat_at=node.last_beat_at,
        left_at=node.left_at,
        is_this=is_this,
    )


CLUSTER = (cluster_nodes, cluster_status)
