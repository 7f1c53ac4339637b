"""The graph of a tenant's dependencies: circles, what follows from what, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, reduce
from operator import or_

from domain.scheduling.dependency import EdgeType, Join, Match, OnUnsatisfied, required
from domain.scheduling.ids import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An edge whose upstream is known."""

    upstream: JobId
    name: str
    type: EdgeType = EdgeType.SUCCESS
    condition: str | None = None
    match: Match | None = None

    @property
    def is_judged_alone(self) -> bool:
        """Whether it can be judged in a run that its upstream is no part of."""
        return self.match is not None or self.type is EdgeType.WEAK


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependent:
    """A job with dependencies. `follows`: it has the trigger DEPENDENCY, so its tasks are parts of others' runs.

    `reads`: its parameters name results of upstreams.
    """

    job_id: JobId
    name: str
    links: tuple[Link, ...]
    follows: bool
    join: Join = Join.ALL
    at_least: int | None = None
    wait_timeout: timedelta | None = None
    on_unsatisfied: OnUnsatisfied = OnUnsatisfied.SKIP
    reads: bool = False

    @property
    def required(self) -> int:
        """How many of its edges have to be satisfied."""
        return required(self.join, self.at_least, len(self.links))

    def can_be_judged(self, run: Collection[JobId]) -> bool:
        """Whether enough of its edges can be judged in a run that these jobs are part of."""
        return sum(link.upstream in run or link.is_judged_alone for link in self.links) >= self.required

    def is_drawn_into(self, run: Collection[JobId]) -> bool:
        """Whether it is a part of a run that these jobs are part of, to run or to be skipped.

        An upstream whose edge has a match is only looked at: its runs draw nobody in who cannot be judged there.
        """
        if not self.follows or not any(link.upstream in run for link in self.links):
            return False
        return self.can_be_judged(run) or any(link.upstream in run and link.match is None for link in self.links)


class Graph:
    """All dependents of a tenant. It never changes; a job without dependencies is in it only as an upstream."""

    def __init__(self, dependents: Iterable[Dependent] = ()) -> None:
        self._dependents: Mapping[JobId, Dependent] = {d.job_id: d for d in dependents}
        self._parts: dict[JobId, frozenset[JobId]] = {}

    def with_(self, dependent: Dependent) -> Graph:
        """This graph, with that job as it is to be."""
        return Graph([*(d for d in self._dependents.values() if d.job_id != dependent.job_id), dependent])

    def __getitem__(self, job_id: JobId) -> Dependent:
        return self._dependents[job_id]

    def get(self, job_id: JobId) -> Dependent | None:
        """What the job depends on; None for nothing."""
        return self._dependents.get(job_id)

    @property
    def dependents(self) -> Collection[Dependent]:
        """All jobs that depend on others."""
        return self._dependents.values()

    @cached_property
    def jobs(self) -> frozenset[JobId]:
        """All jobs at either end of an edge."""
        return frozenset(self.names)

    @cached_property
    def names(self) -> Mapping[JobId, str]:
        """Of all jobs at either end of an edge."""
        upstreams = {link.upstream: link.name for d in self._dependents.values() for link in d.links}
        return upstreams | {d.job_id: d.name for d in self._dependents.values()}

    @cached_property
    def _downstream(self) -> Mapping[JobId, Sequence[JobId]]:
        found: dict[JobId, list[JobId]] = {}
        for dependent in self._dependents.values():
            for link in dependent.links:
                found.setdefault(link.upstream, []).append(dependent.job_id)
        return found

    def upstream_of(self, job_id: JobId) -> Sequence[JobId]:
        """What it depends on directly."""
        dependent = self._dependents.get(job_id)
        return [link.upstream for link in dependent.links] if dependent else []

    def downstream_of(self, job_id: JobId) -> Sequence[JobId]:
        """What depends on it directly."""
        return self._downstream.get(job_id, ())

    def ancestors(self, job_id: JobId) -> dict[JobId, int]:
        """All that it depends on, each with its distance, the nearest first."""
        return _walk(job_id, self.upstream_of)

    def descendants(self, job_id: JobId) -> dict[JobId, int]:
        """All that depends on it, each with its distance, the nearest first."""
        return _walk(job_id, self.downstream_of)

    def circle_through(self, job_id: JobId) -> list[JobId]:
        """A shortest way from the job back to itself, along what depends on what: first and last are the job.

        Empty if there is none. A graph that had no circle has one after a change only through the job that changed.
        """
        came_from: dict[JobId, JobId] = {}
        frontier = [job_id]
        while frontier and job_id not in came_from:
            following = []
            for job in frontier:
                for next_ in self.downstream_of(job):
                    if next_ not in came_from:
                        came_from[next_] = job
                        following.append(next_)
            frontier = following
        if job_id not in came_from:
            return []
        way = [job_id]
        while (before := came_from[way[-1]]) != job_id:
            way.append(before)
        return [job_id, *reversed(way)]

    def has_circle(self) -> bool:
        """Whether any job depends on itself through others."""
        return sum(len(level) for level in self.levels(self.jobs)) < len(self.jobs)

    def levels(self, among: Collection[JobId]) -> list[list[JobId]]:
        """Jobs in an order in which each comes after all it depends on: those of one level may run together.

        Edges to jobs that are not among them do not count. Jobs on a circle have no place in any level.
        """
        inside = set(among)
        missing = {job: sum(up in inside for up in self.upstream_of(job)) for job in inside}
        level = sorted(job for job, count in missing.items() if count == 0)
        found = []
        while level:
            found.append(level)
            following = []
            for job in level:
                for next_ in self.downstream_of(job):
                    if next_ in inside:
                        missing[next_] -= 1
                        if missing[next_] == 0:
                            following.append(next_)
            level = sorted(following)
        return found

    def unjudgeable(self, dependent: Dependent) -> list[Link]:
        """The edges for want of whose match the dependent would be skipped in every run; empty if it can ever run.

        A run begins with a job that follows no other; it reaches an upstream through those that do.
        """
        if not dependent.follows:
            return []
        roots: dict[JobId, int] = {}
        for level in self.levels({dependent.job_id, *self.ancestors(dependent.job_id)}):
            for job in level:
                upper = self._dependents.get(job)
                if upper is not None and upper.follows:
                    roots[job] = reduce(or_, (roots.get(link.upstream, 0) for link in upper.links))
                else:
                    roots[job] = 1 << len(roots)
        reached = [roots.get(link.upstream, 0) for link in dependent.links]
        for root in _bits(reduce(or_, reached, 0)):
            judged = sum(
                bool(mask & root) or link.is_judged_alone for mask, link in zip(reached, dependent.links, strict=True)
            )
            if judged >= dependent.required:
                return []
        return [link for link in dependent.links if not link.is_judged_alone]

    def run_of(self, root: JobId) -> frozenset[JobId]:
        """The jobs that are part of a run that begins with `root`: itself, and all who are drawn in by others."""
        known = self._parts.get(root)
        if known is None:
            known = self._parts[root] = self._drawn_in_by(root)
        return known

    def _drawn_in_by(self, root: JobId) -> frozenset[JobId]:
        run, waiting = {root}, [root]
        while waiting:
            for next_ in self.downstream_of(waiting.pop()):
                if next_ not in run and self._dependents[next_].is_drawn_into(run):
                    run.add(next_)
                    waiting.append(next_)
        return frozenset(run)


def _bits(mask: int) -> Iterator[int]:
    """Its bits, each as a number of its own."""
    while mask:
        yield mask & -mask
        mask &= mask - 1


def _walk(start: JobId, further: Callable[[JobId], Sequence[JobId]]) -> dict[JobId, int]:
    found: dict[JobId, int] = {start: 0}
    frontier, distance = [start], 0
    while frontier:
        distance += 1
        following = []
        for job in frontier:
            for next_ in further(job):
                if next_ not in found:
                    found[next_] = distance
                    following.append(next_)
        frontier = following
    del found[start]
    return found
