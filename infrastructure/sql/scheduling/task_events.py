"""The events of settled tasks, built where the rows are: in PostgreSQL by SQL, for SQLite here; alike from both."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import sqlalchemy as sa

from domain.scheduling.settlement import EVENT_OF, Settlement
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Row, Statement
from infrastructure.sql.scheduling.scripts import Script, moment
from infrastructure.sql.scheduling.settling import error_code
from infrastructure.sql.scheduling.tables import outbox
from infrastructure.sql.types import JsonText

CONTEXT: Final = "scheduling"

FACTS: Final = ("tenant", "event", "id", "job_id", "job_name", "attempt", "executor_id", "error_code")
"""What an event tells about a settled task."""

FACTS_STORED: Final = ("tenant", "job_id", "job_name", "attempt", "executor_id")
"""What of that only the store knows."""

_COLUMNS: Final = ("tenant", "context", "at", "count", "events")


class _Settled(msgspec.Struct, rename="camel", kw_only=True):
    type: str
    occurred_at: datetime
    task_id: UUID
    job_id: UUID
    job_name: str
    attempt: int
    executor_id: str | None
    error_code: str | None


def tell_in_sql(facts: sa.FromClause) -> sa.Insert:
    """One outbox row a tenant, of a relation with the columns of `FACTS`; only for PostgreSQL.

    The events are put together as text, which costs a third of building JSON. So nothing may stand in them but ids,
    numbers, names from the code, and what `to_json` has quoted.
    """
    f, now = facts.c, moment("postgresql")
    form = sa.literal_column("""'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'""", sa.Text)
    instant = sa.select(sa.func.to_char(sa.func.timezone(_text("UTC"), now), form)).scalar_subquery()
    event = sa.func.concat(
        *(_text('{"type":"'), f.event, _text('","occurredAt":"'), instant, _text('","taskId":"'), f.id),
        *(_text('","jobId":"'), f.job_id, _text('","jobName":'), sa.func.to_json(f.job_name)),
        *(_text(',"attempt":'), f.attempt, _text(',"executorId":'), _quoted(f.executor_id)),
        *(_text(',"errorCode":'), _quoted(f.error_code), _text("}")),
    )
    events = sa.func.concat(_text("["), sa.func.string_agg(event, _text(",")), _text("]"))
    return sa.insert(outbox).from_select(
        list(_COLUMNS),
        sa.select(f.tenant, _text(CONTEXT), now, sa.func.count(), sa.cast(events, JsonText))
        .select_from(facts)
        .group_by(f.tenant),
    )


def _quoted(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.coalesce(sa.cast(sa.func.to_json(column), sa.Text), _text("null"))


def _text(text: str) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{text}'", sa.Text)


def _insert(dialect: DialectName) -> sa.Executable:
    return sa.insert(outbox).values(
        tenant=sa.bindparam("b_tenant"),
        context=CONTEXT,
        at=moment(dialect),
        count=sa.bindparam("b_count"),
        events=sa.bindparam("b_events", type_=JsonText),
    )


_INSERT: Final = Statement(_insert)


def tell(now: datetime, settled: Iterable[tuple[Settlement, Row]]) -> Script[None]:
    """The same from what is known of each settled task here and there; rows begin with `FACTS_STORED`."""
    by_tenant: dict[str, list[_Settled]] = {}
    for settlement, (tenant, job_id, job_name, attempt, executor_id, *_) in settled:
        by_tenant.setdefault(tenant, []).append(
            _Settled(
                type=EVENT_OF[settlement.status],
                occurred_at=now,
                task_id=settlement.task_id,
                job_id=job_id,
                job_name=job_name,
                attempt=attempt,
                executor_id=executor_id,
                error_code=error_code(settlement),
            )
        )
    for tenant, events in by_tenant.items():
        yield _INSERT, {"b_tenant": tenant, "b_count": len(events), "b_events": msgspec.json.encode(events).decode()}
