"""The unit of work of operations on a database."""

from __future__ import annotations

from functools import cached_property

from application.operations.ports import OperationsWork
from infrastructure.sql.engine import Store
from infrastructure.sql.operations.nodes import SqlNodes
from infrastructure.sql.operations.operation_book import SqlExecutions, SqlOperations
from infrastructure.sql.operations.semaphores import SqlFences, SqlSemaphores
from infrastructure.sql.unit_of_work import SqlUnitOfWork


class SqlOperationsWork(SqlUnitOfWork, OperationsWork):
    """One transaction."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, context="operations")

    @cached_property
    def semaphores(self) -> SqlSemaphores:
        return SqlSemaphores(self)

    @cached_property
    def fences(self) -> SqlFences:
        return SqlFences(self)

    @cached_property
    def nodes(self) -> SqlNodes:
        return SqlNodes(self)

    @cached_property
    def operations(self) -> SqlOperations:
        return SqlOperations(self)

    @cached_property
    def executions(self) -> SqlExecutions:
        return SqlExecutions(self)
