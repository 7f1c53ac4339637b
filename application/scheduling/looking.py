"""What is seen at the other ends of a task's edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from application.scheduling.ports import SchedulingWork
from domain.scheduling.dependency import EdgeType
from domain.scheduling.graph import Dependent, Graph, Link
from domain.scheduling.ids import JobId, RunId, TaskId
from domain.scheduling.judging import Condition, Seen, Sight
from domain.scheduling.ports.conditions import Conditions
from domain.scheduling.ports.judgement_queue import Waiting
from domain.scheduling.ports.run_book import End, Part, Root, Wish
from domain.shared.json_value import JsonText

_OUTSIDE = "is no part of this run, and its edge has no match"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A task that waits, or a place in a run where there is none yet, before anything is seen of its upstreams.

    `run`: the jobs that are part of its run. `parameters`, if they have places that upstreams may fill.
    """

    dependent: Dependent
    run_id: RunId
    nominal: datetime
    waiting: Waiting | None
    root: Root | None
    run: frozenset[JobId]
    parameters: JsonText | None


def standing_place(waiting: Waiting, graph: Graph, root: Root | None) -> Place:
    """That of a task that waits. One whose job has lost its dependencies since then waits for nobody any more."""
    dependent = graph.get(waiting.job_id) or Dependent(job_id=waiting.job_id, name="", links=(), follows=False)
    return Place(
        dependent=dependent,
        run_id=waiting.run_id,
        nominal=waiting.nominal,
        waiting=waiting,
        root=root,
        run=graph.run_of(root.job_id) if root is not None and dependent.follows else frozenset(),
        parameters=waiting.parameters,
    )


async def look(work: SchedulingWork, places: Sequence[Place]) -> tuple[Sequence[Sequence[Sight]], Mapping[TaskId, End]]:
    """For each place what is seen along its edges, in their order; and the ends that conditions and parameters need."""
    parts = await work.runs.parts({part for place in places for part in _parts(place)})
    wishes = {wish for place in places for link in place.dependent.links if (wish := _wish(place, link))}
    fires = await work.runs.fires(wishes, work.now)
    sights = [[_sight(place, link, parts, fires) for link in place.dependent.links] for place in places]
    return sights, await work.runs.ends(_asked_for(places, sights))


def condition_of(conditions: Conditions, ends: Mapping[TaskId, End]) -> Condition:
    """Asks about the ends that were looked up."""

    def objection(link: Link, task_id: TaskId) -> str | None:
        end = ends.get(task_id)
        if end is None:
            return "has ended, and how is not kept any more"
        return conditions.objection(link.condition or "", end)

    return objection


def _parts(place: Place) -> list[Part]:
    return [(place.run_id, link.upstream) for link in place.dependent.links if link.upstream in place.run]


def _wish(place: Place, link: Link) -> Wish | None:
    if link.match is None or link.upstream in place.run:
        return None
    return Wish(link.upstream, link.match, place.nominal)


def _sight(place: Place, link: Link, parts: Mapping[Part, Seen], fires: Mapping[Wish, Sight]) -> Sight:
    if link.upstream in place.run:
        if place.root is not None and link.upstream == place.root.job_id:
            return Sight([place.root.seen])
        seen = parts.get((place.run_id, link.upstream))
        return Sight([seen]) if seen is not None else Sight(awaited=True)
    wish = _wish(place, link)
    return Sight(missing=_OUTSIDE) if wish is None else fires[wish]


def _asked_for(places: Iterable[Place], sights: Iterable[Sequence[Sight]]) -> set[TaskId]:
    """The tasks whose ends conditions and parameters ask about."""
    return {
        fire.task_id
        for place, seen in zip(places, sights, strict=True)
        for link, sight in zip(place.dependent.links, seen, strict=True)
        if link.type is EdgeType.CONDITIONAL or place.parameters is not None
        for fire in sight.fires
        if fire.is_over and fire.task_id is not None
    }
