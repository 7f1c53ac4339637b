"""Keeping the graph of dependencies in line with the jobs; no two changes together close a circle."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from application.scheduling.ports import SchedulingWork
from domain.scheduling.dependency import double_edge
from domain.scheduling.errors import DependencyCircle, JobHasDependents
from domain.scheduling.graph import Dependent, Graph, Link
from domain.scheduling.ids import JobId
from domain.scheduling.job import Job, JobStatus
from domain.scheduling.placeholders import Source, places
from domain.scheduling.ports.graph_book import Named
from domain.shared.errors import FieldProblem, raise_all


async def weave(work: SchedulingWork, job: Job) -> None:
    """Bring the graph in line with a job that is about to be saved. To be called before its schedule is locked.

    Raises `Invalid` for upstreams that do not exist or cannot be judged, `DependencyCircle`, and `JobHasDependents` for
    a deleted job.
    """
    if job.status is JobStatus.DELETED:
        await work.graph.lock(job.tenant)
        if names := await work.graph.dependents_of(job.id):
            raise JobHasDependents(job.definition.name, names)
        await work.graph.remove(job.id)
        await work.judgements.ask_again(job.id)
        return
    if job.unreadable is not None:
        return
    former = await work.graph.find(job.id)
    if not job.definition.dependencies:
        if former is not None:
            await work.graph.lock(job.tenant)
            await work.graph.remove(job.id)
            await work.judgements.ask_again(job.id)
        return
    if former is not None and await _resolved(work, job) == former:
        return
    await work.graph.lock(job.tenant)
    dependent = await _resolved(work, job)  # again: under the lock no upstream goes away
    _check(job, dependent, await work.graph.above([link.upstream for link in dependent.links]))
    await work.graph.put(job.tenant, dependent)
    if former is not None:
        await work.judgements.ask_again(job.id)


async def _resolved(work: SchedulingWork, job: Job) -> Dependent:
    """Its dependencies with the ids and names of the upstreams. Raises `Invalid`."""
    d = job.definition
    keys = [_key(edge.job) for edge in d.dependencies.edges]
    found = await work.graph.named(job.tenant, keys)
    raise_all(_problems(job, keys, [found.get(key) for key in keys]))
    return Dependent(
        job_id=job.id,
        name=d.name,
        links=tuple(
            Link(
                upstream=found[key][0],
                name=found[key][1],
                type=edge.type,
                condition=edge.condition,
                match=edge.match,
            )
            for key, edge in zip(keys, d.dependencies.edges, strict=True)
        ),
        follows=d.trigger.kind == "DEPENDENCY",
        join=d.dependencies.join,
        at_least=d.dependencies.at_least,
        wait_timeout=d.dependencies.wait_timeout,
        on_unsatisfied=d.dependencies.on_unsatisfied,
        reads=any(place.source is Source.UPSTREAM for place in places(d.parameters)),
    )


def _problems(job: Job, keys: Sequence[JobId | str], found: Sequence[Named | None]) -> list[FieldProblem]:
    problems = []
    seen: dict[JobId, int] = {}
    for place, (key, named) in enumerate(zip(keys, found, strict=True)):
        pointer = f"/dependencies/{place}/job"
        if named is None:
            detail = f"There is no job {str(key)!r} to depend on; it may have been deleted. Create it first."
            problems.append(FieldProblem(pointer, "UNKNOWN_UPSTREAM", detail))
        elif named[0] == job.id:
            detail = f"Job {job.definition.name!r} cannot depend on itself."
            problems.append(FieldProblem(pointer, "SELF_DEPENDENCY", detail))
        elif (first := seen.setdefault(named[0], place)) != place:
            problems.append(double_edge(pointer, named[1], first))
    return problems


def _check(job: Job, dependent: Dependent, above: Graph) -> None:
    """Whether the graph above the job, with the job as it is to be, has no circle and can be judged."""
    graph = above.with_(dependent)
    if circle := graph.circle_through(job.id):
        raise DependencyCircle([graph[each].name for each in circle])
    places = {link.upstream: place for place, link in enumerate(dependent.links)}
    raise_all(
        [
            FieldProblem(
                f"/dependencies/{places[link.upstream]}/match",
                "MATCH_MISSING",
                f"No run comes to all of these upstreams, so {link.name!r} needs a match that says which of its other"
                ' fires is meant, for example {"type": "LATEST", "maxAge": "P1D"}.',
            )
            for link in graph.unjudgeable(dependent)
        ]
    )


def _key(text: str) -> JobId | str:
    try:
        return JobId(UUID(text))
    except ValueError:
        return text
