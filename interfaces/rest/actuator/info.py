"""What runs here."""

import platform
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
from litestar import get

from domain.timing.duration import format_duration
from interfaces.rest.access import QUIET
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What does not change while the process lives. `schema` is the revision of the database's."""

    version: str
    node_id: str
    profile: str
    database: str
    schema: str
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    started: float = field(default_factory=time.monotonic)


class BuildView(msgspec.Struct, frozen=True):
    """The product."""

    name: str
    version: str


class PythonView(msgspec.Struct, frozen=True):
    """What it runs on."""

    implementation: str
    version: str


class NodeView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """This process; `uptime` as an ISO-8601 duration."""

    id: str
    profile: str
    started_at: datetime
    uptime: str


class DatabaseView(msgspec.Struct, frozen=True):
    """Its store."""

    dialect: str
    schema: str


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers here."""

    build: BuildView
    python: PythonView
    node: NodeView
    database: DatabaseView


@get("/actuator/info", operation_id="info", tags=["Actuator"], opt={QUIET: True}, responses=problems())
async def info(about: Injected[About]) -> Info:
    """Version, node, database. For people and for tickets."""
    uptime = timedelta(seconds=int(time.monotonic() - about.started))
    return Info(
        build=BuildView("platform-scheduler", about.version),
        python=PythonView(platform.python_implementation(), platform.python_version()),
        node=NodeView(
            id=about.node_id,
            profile=about.profile,
            started_at=about.started_at,
            uptime=format_duration(uptime),
        ),
        database=DatabaseView(about.database, about.schema),
    )
