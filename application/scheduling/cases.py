"""What has to be judged, with all that is seen of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from application.scheduling.ports import SchedulingWork
from application.scheduling.upstream_filling import AS_THEY_ARE, UpstreamFilling, fill_from_upstreams
from domain.scheduling.dependency import EdgeType
from domain.scheduling.graph import Dependent, Graph, Link
from domain.scheduling.ids import JobId, RunId, TaskId
from domain.scheduling.job_type import JobTypes
from domain.scheduling.judging import Seen, Sight, Verdict, judge
from domain.scheduling.occurrence import run_fire_key
from domain.scheduling.placeholders import Source, has_places
from domain.scheduling.ports.conditions import Conditions
from domain.scheduling.ports.judgement_queue import Judgement, Waiting
from domain.scheduling.ports.listener_queue import Listener
from domain.scheduling.ports.run_book import End, Part, Root, Wish
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText

_OUTSIDE = "is no part of this run, and its edge has no match"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A case before anything is seen of its upstreams."""

    dependent: Dependent
    run_id: RunId
    nominal: datetime
    waiting: Waiting | None
    root: Root | None
    run: frozenset[JobId]
    parameters: JsonText | None


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
        places = [*_standing(waiting, graphs, roots, listeners), *await _empty(work, told, graphs, roots, listeners)]
        return await self._judged(work, sorted(places, key=lambda p: (p.dependent.job_id, p.run_id)), listeners)

    async def _graph(self, work: SchedulingWork, tenant: TenantId) -> Graph:
        version = await work.graph.version(tenant)
        known, graph = self._graphs.get(tenant, (-1, Graph()))
        if known != version:
            graph = await work.graph.load(tenant)
            self._graphs[tenant] = version, graph
        return graph

    async def _judged(
        self, work: SchedulingWork, places: Sequence[_Place], listeners: Mapping[JobId, Listener]
    ) -> list[Case]:
        parts = await work.runs.parts({part for place in places for part in _parts(place)})
        wishes = {wish for place in places for link in place.dependent.links if (wish := _wish(place, link))}
        fires = await work.runs.fires(wishes, work.now)
        sights = [[_sight(place, link, parts, fires) for link in place.dependent.links] for place in places]
        ends = await work.runs.ends(_asked_for(places, sights))
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
                    verdict=judge(place.dependent, seen, lambda link, task: self._objection(link, ends.get(task))),
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

    def _objection(self, link: Link, end: End | None) -> str | None:
        if end is None:
            return "has ended, and how is not kept any more"
        return self._conditions.objection(link.condition or "", end)


def _standing(
    waiting: Iterable[Waiting],
    graphs: Mapping[TenantId, Graph],
    roots: Mapping[RunId, Root],
    listeners: Mapping[JobId, Listener],
) -> list[_Place]:
    places = []
    for each in waiting:
        graph, root = graphs[each.tenant], roots.get(each.run_id)
        dependent = graph.get(each.job_id) or _free(each.job_id, listeners[each.job_id])
        run = graph.run_of(root.job_id) if root is not None and dependent.follows else frozenset[JobId]()
        places.append(
            _Place(
                dependent=dependent,
                run_id=each.run_id,
                nominal=each.nominal,
                waiting=each,
                root=root,
                run=run,
                parameters=each.parameters,
            )
        )
    return places


def _free(job_id: JobId, listener: Listener) -> Dependent:
    """A job that has lost its dependencies since the task began to wait: it waits for nobody any more."""
    return Dependent(job_id=job_id, name=listener.job_name, links=(), follows=False)


async def _empty(
    work: SchedulingWork,
    told: Iterable[Judgement],
    graphs: Mapping[TenantId, Graph],
    roots: Mapping[RunId, Root],
    listeners: Mapping[JobId, Listener],
) -> list[_Place]:
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
                _Place(
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


def _parts(place: _Place) -> list[Part]:
    return [(place.run_id, link.upstream) for link in place.dependent.links if link.upstream in place.run]


def _wish(place: _Place, link: Link) -> Wish | None:
    if link.match is None or link.upstream in place.run:
        return None
    return Wish(link.upstream, link.match, place.nominal)


def _sight(place: _Place, link: Link, parts: Mapping[Part, Seen], fires: Mapping[Wish, Sight]) -> Sight:
    if link.upstream in place.run:
        if place.root is not None and link.upstream == place.root.job_id:
            return Sight([place.root.seen])
        seen = parts.get((place.run_id, link.upstream))
        return Sight([seen]) if seen is not None else Sight(awaited=True)
    wish = _wish(place, link)
    return Sight(missing=_OUTSIDE) if wish is None else fires[wish]


def _asked_for(places: Iterable[_Place], sights: Iterable[Sequence[Sight]]) -> set[TaskId]:
    """The tasks whose ends conditions and parameters ask about."""
    return {
        fire.task_id
        for place, seen in zip(places, sights, strict=True)
        for link, sight in zip(place.dependent.links, seen, strict=True)
        if link.type is EdgeType.CONDITIONAL or place.parameters is not None
        for fire in sight.fires
        if fire.is_over and fire.task_id is not None
    }


def _named(place: _Place, sights: Sequence[Sight], ends: Mapping[TaskId, End]) -> dict[str, End]:
    """By the upstreams' names, and by their ids for jobs that name them so. Of several fires none is meant."""
    found = {}
    for link, sight in zip(place.dependent.links, sights, strict=True):
        over = [fire.task_id for fire in sight.fires if fire.is_over and fire.task_id in ends]
        if len(over) == 1 and over[0] is not None:
            found[link.name] = found[str(link.upstream)] = ends[over[0]]
    return found
