"""Sets of values as relations, and statements that are compiled once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import asyncpg as postgresql
from sqlalchemy.dialects.sqlite import aiosqlite as sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from infrastructure.sql.engine import DialectName

DIALECTS: Mapping[DialectName, Dialect] = {
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]
    "sqlite": sqlite.dialect(),
}

Process = Callable[[Any], Any]
Row = tuple[Any, ...]


class Relation:
    """A set of rows that comes into a statement as one parameter (SQLite) or one a column (PostgreSQL).

    So one text serves any number of rows. `source` stands in the statement, `bind` makes its parameters.
    """

    def __init__(self, name: str, **columns: TypeEngine[Any] | type[TypeEngine[Any]]) -> None:
        self._name = name
        self._columns: Mapping[str, TypeEngine[Any]] = {n: sa.types.to_instance(t) for n, t in columns.items()}

    def source(self, dialect: DialectName) -> sa.FromClause:
        """The relation itself, to join with, with its columns in `.c`."""
        if dialect == "postgresql":
            arrays = (sa.bindparam(f"{self._name}_{n}", type_=ARRAY(t)) for n, t in self._columns.items())
            columns = (sa.column(n, t) for n, t in self._columns.items())
            return sa.func.unnest(*arrays).table_valued(*columns, name=self._name).render_derived(name=self._name)
        value = sa.func.json_each(sa.bindparam(self._name, type_=sa.Text())).table_valued("value").c.value
        return sa.select(
            *(
                sa.type_coerce(sa.func.json_extract(value, sa.literal_column(f"'$[{i}]'")), t).label(n)
                for i, (n, t) in enumerate(self._columns.items())
            )
        ).subquery(self._name)

    def bind(self, dialect: DialectName, rows: Iterable[Sequence[object]]) -> dict[str, object]:
        """The parameters of these rows; each has its values in the order of the columns."""
        columns = list(zip(*rows, strict=True)) or [()] * len(self._columns)
        if dialect == "postgresql":
            # Where one array ends before the others, unnest goes on with NULL: that many need not be sent.
            arrays = [list(column) if any(v is not None for v in column) else [] for column in columns]
            return {f"{self._name}_{n}": array for n, array in zip(self._columns, arrays, strict=True)}
        plain = [
            column if process is None else [process(value) for value in column]
            for process, column in zip(self._sqlite_processes, columns, strict=True)
        ]
        return {self._name: msgspec.json.encode(list(zip(*plain, strict=True))).decode()}

    @cached_property
    def _sqlite_processes(self) -> list[Process | None]:
        return [bind_process(t, DIALECTS["sqlite"]) for t in self._columns.values()]


class Statement:
    """A statement for a hot path: compiled once for each dialect, then run on the driver's connection.

    `build` makes the Core statement for a dialect. Parameters that PostgreSQL's driver gets are Python's own values
    (UUID, aware datetime, JSON as text); rows have their columns in the order of the statement.
    """

    def __init__(self, build: Callable[[DialectName], sa.Executable]) -> None:
        self._build = build
        self._compiled: dict[DialectName, CompiledStatement] = {}

    def on(self, dialect: DialectName) -> CompiledStatement:
        """The compiled statement."""
        compiled = self._compiled.get(dialect)
        if compiled is None:
            compiled = self._compiled[dialect] = CompiledStatement(self._build(dialect), DIALECTS[dialect])
        return compiled


class CompiledStatement:
    """`text` for the driver, and how its arguments and rows are made."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        if "POSTCOMPILE" in self.text:
            raise ValueError("a list of bound values has no fixed text: use `words`, or a relation")
        constants: Mapping[str, Any] = compiled.params
        native = dialect.name == "postgresql"
        types = {bind.key: bind.type for bind in compiled.binds.values()}
        self._arguments = [
            (name, constants.get(name), None if native or name not in types else bind_process(types[name], dialect))
            for name in compiled.positiontup or ()
        ]
        columns = getattr(statement, "exported_columns", ())
        self._results = [None if native else result_process(c.type, dialect) for c in columns]

    def arguments(self, parameters: Mapping[str, object]) -> list[Any]:
        """The values in the order of the text's places."""
        values = [(parameters.get(name, constant), process) for name, constant, process in self._arguments]
        return [value if process is None else process(value) for value, process in values]

    def rows(self, raw: Iterable[Sequence[Any]]) -> list[Row]:
        """The driver's rows with Python's values."""
        if not any(self._results):
            return [tuple(row) for row in raw]
        return [
            tuple(v if process is None else process(v) for process, v in zip(self._results, row, strict=True))
            for row in raw
        ]


def words(values: Iterable[str]) -> list[sa.ColumnElement[str]]:
    """Names from the code, as literals: an index whose predicate has them is used whatever the plan."""
    return [sa.literal_column("'" + value.replace("'", "''") + "'", sa.Text) for value in values]


def bind_process(type_: TypeEngine[Any], dialect: Dialect) -> Process | None:
    """How a Python value becomes the driver's."""
    return type_.dialect_impl(dialect).bind_processor(dialect)


def result_process(type_: TypeEngine[Any], dialect: Dialect) -> Process | None:
    """How the driver's value becomes Python's."""
    return type_.dialect_impl(dialect).result_processor(dialect, None)
