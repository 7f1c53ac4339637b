"""The loop of the platform's own upkeep: sleeps until an operation is due."""

from __future__ import annotations

from application.operations.operation_runner import OperationRunner
from application.shared.wake_up import OPERATIONS, WakeUp
from interfaces.loops.looper import Looper


def operations_loop(runner: OperationRunner, wake_up: WakeUp) -> Looper:
    """Does what is due."""
    return Looper("operations", runner.tick, wake_up, [OPERATIONS])
