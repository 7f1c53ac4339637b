"""Lanes in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from domain.scheduling.ids import ExecutorId, LaneId
from domain.scheduling.placement import Lane
from domain.scheduling.ports.lane_directory import LaneDirectory
from domain.shared.ids import TenantId
from infrastructure.sql.insert import insert
from infrastructure.sql.scheduling.tables import lanes
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_NONE = ""  # a key with NULL in it would not be unique


class SqlLaneDirectory(LaneDirectory):
    """Remembers numbers for one unit of work only: a lane that it made may be undone with it."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work
        self._numbers: dict[Lane, LaneId] = {}

    async def number(self, lane: Lane) -> LaneId:
        number = self._numbers.get(lane)
        if number is None:
            number = self._numbers[lane] = LaneId(await self._find(lane) or await self._make(lane))
        return number

    async def after(self, last: LaneId) -> Mapping[LaneId, Lane]:
        rows = await self._work.execute(sa.select(lanes).where(lanes.c.id > last).order_by(lanes.c.id))
        return {LaneId(row.id): lane_of(row) for row in rows}

    async def _find(self, lane: Lane) -> int | None:
        key = (lanes.c[name] == value for name, value in _row(lane).items())
        return (await self._work.execute(sa.select(lanes.c.id).where(*key))).scalar_one_or_none()

    async def _make(self, lane: Lane) -> int:
        """Waits for another unit of work that is making the same lane, and then takes its number."""
        new = insert(self._work.dialect, lanes).values(_row(lane)).on_conflict_do_nothing().returning(lanes.c.id)
        number: int | None = (await self._work.execute(new)).scalar_one_or_none()
        if number is None:
            number = await self._find(lane)
        assert number is not None, "a lane that is neither new nor there"
        return number


def _row(lane: Lane) -> dict[str, Any]:
    return {
        "tenant": lane.tenant,
        "pool": lane.pool,
        "type": lane.type,
        "handler": lane.handler or _NONE,
        "requires": msgspec.json.encode(lane.requires).decode(),
        "executor": lane.executor or _NONE,
    }


def lane_of(row: sa.Row[Any]) -> Lane:
    """From a row of `lanes`."""
    return Lane(
        tenant=TenantId(row.tenant),
        pool=row.pool,
        type=row.type,
        handler=row.handler or None,
        requires=msgspec.json.decode(row.requires, type=tuple[tuple[str, str], ...]),
        executor=ExecutorId(row.executor) if row.executor else None,
    )
