"""The loop by which a node says that it lives."""

from __future__ import annotations

from datetime import timedelta

from application.operations.nodes import Nodes
from application.shared.wake_up import WakeUp
from interfaces.loops.looper import Looper


def node_loop(nodes: Nodes, wake_up: WakeUp) -> Looper:
    """Beats for as long as the process lives, whatever its roles."""

    async def tick() -> timedelta:
        await nodes.beat()
        return nodes.every

    return Looper("node", tick, wake_up, recheck=nodes.every)
