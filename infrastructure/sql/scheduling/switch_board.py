"""Kill switches in SQL: a row each that is off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from domain.scheduling.ports.switch_board import SwitchBoard
from domain.scheduling.switch import Stopped, Switch, SwitchKind
from domain.shared.ids import TenantId
from infrastructure.sql.insert import insert
from infrastructure.sql.scheduling.tables import switches
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_NONE = ""  # a key with NULL in it would not be unique


class SqlSwitchBoard(SwitchBoard):
    """Part of a unit of work."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def stopped(self) -> Sequence[Stopped]:
        query = sa.select(switches).order_by(*switches.primary_key.columns)
        return [
            Stopped(switch=_switch(row), reason=row.reason, since=row.since, by=row.by)
            for row in await self._work.execute(query)
        ]

    async def stop(self, stopped: Stopped) -> None:
        row = {**_key(stopped.switch), "reason": stopped.reason, "since": stopped.since, "by": stopped.by}
        await self._work.execute(insert(self._work.dialect, switches).values(row).on_conflict_do_nothing())

    async def start(self, switch: Switch) -> None:
        this = (switches.c[name] == value for name, value in _key(switch).items())
        await self._work.execute(sa.delete(switches).where(*this))


def _key(switch: Switch) -> dict[str, str]:
    return {"kind": switch.kind.value, "tenant": switch.tenant or _NONE, "pool": switch.pool or _NONE}


def _switch(row: sa.Row[Any]) -> Switch:
    return Switch(SwitchKind(row.kind), TenantId(row.tenant) if row.tenant else None, row.pool or None)
