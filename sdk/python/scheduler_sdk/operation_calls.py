"""The calls about operations as values."""

from __future__ import annotations

from urllib.parse import quote

from scheduler_sdk.client_calls import Call
from scheduler_sdk.cluster_shapes import Execution, Operation
from scheduler_sdk.shapes import Page


def list_operations() -> Call[Page[Operation]]:
    return Call("GET", "/operations")


def get_operation(operation: str) -> Call[Operation]:
    return Call("GET", f"/operations/{_segment(operation)}")


def list_executions(operation: str | None, status: str | None) -> Call[Page[Execution]]:
    path = "/operations/executions" if operation is None else f"/operations/{_segment(operation)}/executions"
    return Call("GET", path, {} if status is None else {"status": status})


def get_execution(execution: str) -> Call[Execution]:
    return Call("GET", f"/operations/executions/{_segment(execution)}")


def run_operation(operation: str) -> Call[Execution]:
    return Call("POST", f"/operations/{_segment(operation)}/run")


def act_on_operation(operation: str, verb: str, reason: str | None) -> Call[Operation]:
    return Call("POST", f"/operations/{_segment(operation)}/{verb}", body={} if reason is None else {"reason": reason})


def change_interval(operation: str, every: str | None) -> Call[Operation]:
    return Call("PATCH", f"/operations/{_segment(operation)}", body={"every": every})


def _segment(name: str) -> str:
    return quote(name, safe="")
