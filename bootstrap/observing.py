"""What is shown of a node: the facts about it, the checks of its parts, its metrics."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version

from application.scheduling.figures import FiguresReader
from bootstrap.settings import Settings
from infrastructure.sql.engine import Store
from infrastructure.sql.migrations import head
from infrastructure.telemetry import Telemetry
from interfaces.loops.looper import Looper
from interfaces.rest.actuator.health import check_of_loop, check_of_store
from interfaces.rest.actuator.info import About
from interfaces.rest.actuator.router import Actuator
from interfaces.rest.app import Reader

DISTRIBUTION = "platform-scheduler"


def telemetry_of(settings: Settings, store: Store, figures: FiguresReader) -> Telemetry:
    """The metrics of this node."""
    facts = {"version": version(DISTRIBUTION), "node": settings.node_id, "database": store.dialect}
    return Telemetry(figures, facts)


def actuator_of(
    settings: Settings, store: Store, reader: Reader, loops: Iterable[Looper], telemetry: Telemetry
) -> Actuator:
    """Everything that the actuator's paths answer from."""
    about = About(
        version=version(DISTRIBUTION),
        node_id=settings.node_id,
        profile=settings.profile,
        database=store.dialect,
        schema=head(),
    )
    checks = {"db": check_of_store(reader.ping, store.dialect)} | {loop.name: check_of_loop(loop) for loop in loops}
    return Actuator(about=about, checks=checks, exposition=telemetry.exposition, observe=telemetry.answered)
