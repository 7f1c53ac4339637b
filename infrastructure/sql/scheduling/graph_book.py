"""The graph of dependencies in SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from application.scheduling.graph_mapping import decode_dependent, encode_dependent
from domain.scheduling.graph import Dependent, Graph
from domain.scheduling.ids import JobId
from domain.scheduling.ports.graph_book import GraphBook, Named
from domain.shared.ids import TenantId
from infrastructure.sql.engine import DialectName
from infrastructure.sql.insert import insert
from infrastructure.sql.relation import Relation, Statement
from infrastructure.sql.scheduling.dependency_tables import dependency_edges, dependency_graphs, dependents
from infrastructure.sql.scheduling.tables import jobs
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_d, _e, _g, _j = dependents.c, dependency_edges.c, dependency_graphs.c, jobs.c
_NOT_DELETED = _j.status != sa.literal_column("'DELETED'")  # literal: it is the predicate of the index on names


class SqlGraphBook(GraphBook):
    """Part of a unit of work. The row of the tenant's graph is the lock."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def lock(self, tenant: TenantId) -> None:
        first = insert(self._work.dialect, dependency_graphs).values(tenant=tenant, version=1)
        counted = {"version": _g.version + 1}
        await self._work.execute(first.on_conflict_do_update(index_elements=[_g.tenant], set_=counted))

    async def version(self, tenant: TenantId) -> int:
        known = sa.select(_g.version).where(_g.tenant == tenant).with_for_update(read=True)
        return (await self._work.execute(known)).scalar_one_or_none() or 0

    async def load(self, tenant: TenantId) -> Graph:
        return _graph((await self._work.execute(sa.select(_d.job_id, _d.document).where(_d.tenant == tenant))).all())

    async def above(self, jobs: Collection[JobId]) -> Graph:
        return _graph(await self._work.fetch(ABOVE, **_JOBS.bind(self._work.dialect, [(job,) for job in jobs])))

    async def find(self, job_id: JobId) -> Dependent | None:
        found = sa.select(_d.document).where(_d.job_id == job_id)
        document = (await self._work.execute(found)).scalar_one_or_none()
        return None if document is None else decode_dependent(job_id, document)

    async def named(self, tenant: TenantId, keys: Collection[JobId | str]) -> Mapping[JobId | str, Named]:
        ids = [key for key in keys if isinstance(key, UUID)]
        names = [key for key in keys if isinstance(key, str)]
        wanted = sa.select(_j.id, _j.name).where(_j.tenant == tenant, _NOT_DELETED)
        found: dict[JobId | str, Named] = {}
        rows = await self._work.execute(wanted.where(sa.or_(_j.id.in_(ids), _j.name.in_(names))))
        for row in rows.all():
            found[JobId(row.id)] = found[row.name] = JobId(row.id), row.name
        return found

    async def dependents_of(self, job_id: JobId) -> Sequence[str]:
        names = sa.select(_j.name).join(dependency_edges, _e.job_id == _j.id).where(_e.upstream_id == job_id)
        return list((await self._work.execute(names.order_by(_j.name))).scalars())

    async def put(self, tenant: TenantId, dependent: Dependent) -> None:
        await self.remove(dependent.job_id)
        row = {"job_id": dependent.job_id, "tenant": tenant, "document": encode_dependent(dependent)}
        await self._work.execute(sa.insert(dependents).values(row))
        pairs = [{"upstream_id": link.upstream, "job_id": dependent.job_id} for link in dependent.links]
        await self._work.execute(sa.insert(dependency_edges), pairs)

    async def remove(self, job_id: JobId) -> None:
        await self._work.execute(sa.delete(dependents).where(_d.job_id == job_id))
        await self._work.execute(sa.delete(dependency_edges).where(_e.job_id == job_id))


_JOBS: Final = Relation("j", job_id=sa.Uuid)


def _above(dialect: DialectName) -> sa.Select[Any]:
    these = _JOBS.source(dialect)
    upwards = sa.select(these.c.job_id.label("id")).cte("upwards", recursive=True)
    upwards = upwards.union(sa.select(_e.upstream_id).join(upwards, upwards.c.id == _e.job_id))
    return sa.select(_d.job_id, _d.document).join(upwards, upwards.c.id == _d.job_id)


ABOVE: Final = Statement(_above)


def _graph(rows: Iterable[Sequence[Any]]) -> Graph:
    return Graph(decode_dependent(job_id, document) for job_id, document in rows)
