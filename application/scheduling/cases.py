"""What has to be judged, with all that is seen of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from application.scheduling.looking import Place, condition_of, look, standing_place
from application.scheduling.ports import SchedulingWork
from application.scheduling.upstream_filling import AS_THEY_ARE, UpstreamFilling, fill_from_upstreams
from domain.scheduling.graph import Dependent, Graph
from domain.scheduling.ids import JobId, RunId, TaskId
from domain.scheduling.job_type import JobTypes
from domain.scheduling.judging import Sight, Verdict, judge
from domain.scheduling.occurrence import run_fire_key
from domain.scheduling.placeholders import Source, has_places
from domain.scheduling.ports.conditions import Conditions
from domain.scheduling.ports.judgement_queue import Judgement, Waiting
from domain.scheduling.ports.listener_queue import Listener
from domain.scheduling.ports.run_book import End, Root
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A task that waits, or a place in a run where there is none yet; and the verdict. `looks_out`: an edge that is
    not satisfied yet leads out of the run, so that somebody has to wait for it. `parameters`, if they have places that
    upstreams may fill, and then the `ends` of these, by the names that places may call them.
    """

    dependent: Dependent
    run_id: RunId
    nominal: datetime
    listener: Listener
    waiting: Waiting | None
    verdict: Verdict
    cancelled: str | None
    looks_out: bool
    parameters: JsonText | None = None
    ends: Mapping[str, End] = field(default_factory=dict)

    def filling(self, types: JobTypes) -> UpstreamFilling:
        """The parameters that it runs with, if it runs now."""
        if self.parameters is None:
            return AS_THEY_ARE
        type_ = self.listener.job_type
        return fill_from_upstreams(self.parameters, self.ends, types.named(type_) if type_ in types else None)


class Cases:
    """Remembers the graph of each tenant as long as it does not change."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._graphs: dict[TenantId, tuple[int, Graph]] = {}

    async def of(self, work: SchedulingWork, told: Sequence[Judgement], overdue: Sequence[Waiting]) -> list[Case]:
        """The cases in the order of their jobs, whose schedules are locked before anything else is looked at."""
        concerned = [(j.tenant, j.job_id) for j in told] + [(w.tenant, w.job_id) for w in overdue]
        tenants = {tenant for tenant, _ in concerned}
        graphs = {tenant: await self._graph(work, tenant) for tenant in sorted(tenants)}
        jobs = {job_id for _, job_id in concerned}
        listeners = {listener.schedule.job_id: listener for listener in await work.listeners.take(jobs)}
        waiting = [w for w in await work.judgements.waiting(jobs) if w.job_id in listeners]
        runs = {each.run_id for each in told} | {w.run_id for w in waiting}
        roots = await work.runs.roots(runs)
        places = [*_standing(waiting, graphs, roots), *await _empty(work, told, graphs, roots, listeners)]
        return await self._judged(work, sorted(places, key=lambda p: (p.dependent.job_id, p.run_id)), listeners)

    async def _graph(self, work: SchedulingWork, tenant: TenantId) -> Graph:
        version = await work.graph.version(tenant)
        known, graph = self._graphs.get(tenant, (-1, Graph()))
        if known != version:
            graph = await work.graph.load(tenant)
            self._graphs[tenant] = version, graph
        return graph

    async def _judged(
        self, work: SchedulingWork, places: Sequence[Place], listeners: Mapping[JobId, Listener]
    ) -> list[Case]:
        sights, ends = await look(work, places)
        cases = []
        for place, seen in zip(places, sights, strict=True):
            links = zip(place.dependent.links, seen, strict=True)
            named = {} if place.parameters is None else _named(place, seen, ends)
            cases.append(
                Case(
                    dependent=place.dependent,
                    run_id=place.run_id,
                    nominal=place.nominal,
                    listener=listeners[place.dependent.job_id],
                    waiting=place.waiting,
                    verdict=judge(place.dependent, seen, condition_of(self._conditions, ends)),
                    cancelled=None if place.root is None else place.root.cancelled,
                    looks_out=any(
                        link.upstream not in place.run and (sight.awaited or any(not f.is_over for f in sight.fires))
                        for link, sight in links
                    ),
                    parameters=place.parameters,
                    ends=named,
                )
            )
        return cases


def _standing(
    waiting: Iterable[Waiting],
    graphs: Mapping[TenantId, Graph],
    roots: Mapping[RunId, Root],
) -> list[Place]:
    return [standing_place(each, graphs[each.tenant], roots.get(each.run_id)) for each in waiting]


async def _empty(
    work: SchedulingWork,
    told: Iterable[Judgement],
    graphs: Mapping[TenantId, Graph],
    roots: Mapping[RunId, Root],
    listeners: Mapping[JobId, Listener],
) -> list[Place]:
    """Places in runs where a task may have to come, and none is yet."""
    places = []
    for each in told:
        graph, root = graphs[each.tenant], roots.get(each.run_id)
        dependent = graph.get(each.job_id)
        if dependent is None or not dependent.follows or root is None or each.job_id not in listeners:
            continue
        run = graph.run_of(root.job_id)
        if each.job_id in run and each.job_id != root.job_id:
            own = listeners[each.job_id].parameters
            places.append(
                Place(
                    dependent=dependent,
                    run_id=each.run_id,
                    nominal=root.nominal,
                    waiting=None,
                    root=root,
                    run=run,
                    parameters=own if has_places(own, Source.UPSTREAM) else None,
                )
            )
    fired = await work.listeners.fired({(p.dependent.job_id, run_fire_key(p.run_id)) for p in places})
    return [p for p in places if (p.dependent.job_id, run_fire_key(p.run_id)) not in fired]


def _named(place: Place, sights: Sequence[Sight], ends: Mapping[TaskId, End]) -> dict[str, End]:
    """By the upstreams' names, and by their ids for jobs that name them so. Of several fires none is meant."""
    found = {}
    for link, sight in zip(place.dependent.links, sights, strict=True):
        over = [fire.task_id for fire in sight.fires if fire.is_over and fire.task_id in ends]
        if len(over) == 1 and over[0] is not None:
            found[link.name] = found[str(link.upstream)] = ends[over[0]]
    return found
