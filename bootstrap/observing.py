"""What is shown of a node: the facts about it, the checks of its parts, its metrics."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from functools import partial
from importlib.metadata import version
from uuid import uuid4

from application.operations.nodes import Self
from application.scheduling.figures import FiguresReader
from bootstrap.coordination import Coordination
from bootstrap.redis_health import check_of_redis
from bootstrap.settings import Settings
from bootstrap.settings_tree import Role
from domain.operations.node import NodeId
from infrastructure.sql.checking import refuses_writes
from infrastructure.sql.engine import Store
from infrastructure.sql.migrations import head
from infrastructure.telemetry import SinkFigures, Telemetry
from interfaces.loops.looper import Looper
from interfaces.rest.actuator.health import check_of_loop, check_of_store
from interfaces.rest.actuator.info import About
from interfaces.rest.actuator.router import Actuator
from interfaces.rest.app import Reader

DISTRIBUTION = "platform-scheduler"


def telemetry_of(settings: Settings, store: Store, figures: FiguresReader, sinks: SinkFigures) -> Telemetry:
    """The metrics of this node."""
    facts = {"version": version(DISTRIBUTION), "node": settings.node_id, "database": store.dialect}
    return Telemetry(figures, facts, sinks)


def this_process(settings: Settings) -> Self:
    """This node, under an identity that no other start has."""
    return Self(
        id=NodeId(uuid4()),
        label=settings.node_id,
        roles=tuple(sorted(settings.roles)),
        version=version(DISTRIBUTION),
        host=socket.gethostname(),
    )


def actuator_of(
    settings: Settings,
    store: Store,
    reader: Reader,
    loops: Iterable[Looper],
    every_node_loops: Iterable[Looper],
    telemetry: Telemetry,
    coordination: Coordination,
) -> Actuator:
    """Everything that the actuator's paths answer from."""
    about = About(
        version=version(DISTRIBUTION),
        node_id=settings.node_id,
        profile=settings.profile,
        database=store.dialect,
        schema=head(),
    )
    of_roles = loops if Role.LOOPS in settings.roles else ()
    checks = {"db": check_of_store(reader.ping, partial(refuses_writes, store), store.dialect)}
    if coordination.check is not None:
        checks["redis"] = check_of_redis(coordination.check)
    checks |= {loop.name: check_of_loop(loop) for loop in (*every_node_loops, *of_roles)}
    return Actuator(about=about, checks=checks, exposition=telemetry.exposition, observe=telemetry.answered)
