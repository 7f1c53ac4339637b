"""The shapes of answers about what depends on what, and about runs."""

from __future__ import annotations

from typing import TypedDict


class EdgeMatch(TypedDict, total=False):
    """Which fires of an upstream an edge means: `maxAge` belongs to LATEST, `window` to ALL_IN."""

    type: str
    maxAge: str
    window: str


class GraphNode(TypedDict):
    """A job in the graph."""

    jobId: str
    name: str


class Relative(GraphNode):
    """A job from which another one can be reached over so many edges at least."""

    distance: int


class Dependency(GraphNode):
    """An upstream of a job, and what the edge to it asks."""

    type: str
    condition: str | None
    match: EdgeMatch | None


class Dependencies(TypedDict):
    """`required` of the edges have to be satisfied."""

    items: list[Dependency]
    join: str
    required: int


class Edge(TypedDict):
    """From an upstream to what depends on it."""

    upstreamId: str
    jobId: str
    type: str
    condition: str | None
    match: EdgeMatch | None


class Graph(TypedDict):
    """Jobs that have an edge, the edges, and the jobs' ids level by level: each comes after all it depends on."""

    jobs: list[GraphNode]
    edges: list[Edge]
    levels: list[list[str]]


class Plan(TypedDict):
    """The jobs of a run, level by level; those of a level may run together."""

    jobs: int
    levels: list[list[GraphNode]]


class RunSummary(TypedDict):
    """A run, by the task that it began with; `tasks` counts its tasks by status."""

    runId: str
    jobId: str
    jobName: str
    state: str
    createdAt: str
    tasks: dict[str, int]


class RunTask(TypedDict):
    """A task of a run."""

    taskId: str
    jobId: str
    jobName: str
    status: str
    statusReason: str | None
    startedAt: str | None
    endedAt: str | None


class Run(TypedDict):
    """A run with its tasks; `criticalPath` has the ids of those that its end waited for, one after the other."""

    runId: str
    jobId: str
    jobName: str
    state: str
    cancelled: str | None
    startedAt: str | None
    endedAt: str | None
    tasks: list[RunTask]
    criticalPath: list[str]
