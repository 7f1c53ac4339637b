"""The calls about what depends on what, and about runs, as values."""

from __future__ import annotations

from urllib.parse import quote

from scheduler_sdk.client_calls import Call
from scheduler_sdk.graph_shapes import Dependencies, Graph, Plan, Relative, Run, RunSummary
from scheduler_sdk.shapes import Page


def get_graph(job: str | None) -> Call[Graph]:
    return Call("GET", "/graph", {} if job is None else {"job": job})


def list_dependencies(job: str) -> Call[Dependencies]:
    return Call("GET", f"/jobs/{quote(job, safe='')}/dependencies")


def list_dependents(job: str) -> Call[Page[Relative]]:
    return Call("GET", f"/jobs/{quote(job, safe='')}/dependents")


def list_ancestors(job: str) -> Call[Page[Relative]]:
    return Call("GET", f"/jobs/{quote(job, safe='')}/ancestors")


def plan_run(job: str) -> Call[Plan]:
    return Call("GET", f"/jobs/{quote(job, safe='')}/plan")


def list_runs(job: str | None) -> Call[Page[RunSummary]]:
    return Call("GET", "/runs", {} if job is None else {"job": job})


def get_run(run: str) -> Call[Run]:
    return Call("GET", f"/runs/{quote(run, safe='')}")


def cancel_run(run: str, reason: str | None) -> Call[Run]:
    return Call("POST", f"/runs/{quote(run, safe='')}/cancel", body={} if reason is None else {"reason": reason})
