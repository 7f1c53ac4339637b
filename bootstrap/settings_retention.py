"""The settings of how long what is over is kept."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from bootstrap.settings_section import Section


class Retention(Section, frozen=True):
    """How long what is over is kept."""

    history_days: Annotated[
        float,
        Meta(gt=0, le=3650, description="Tasks that have ended, and their attempts; of each job the latest 20 stay."),
    ] = 30
    logs_days: Annotated[float, Meta(gt=0, le=3650, description="Log lines of tasks that have ended.")] = 14
    ledger_days: Annotated[
        float,
        Meta(
            ge=8,
            le=36_500,
            description="Decisions about fires; of each job the latest 20 fires stay. An event or a backfill of a time"
            " that is not kept any more may fire again.",
        ),
    ] = 90
    backfills_days: Annotated[float, Meta(gt=0, le=3650, description="Backfills that have ended.")] = 90
    executors_days: Annotated[
        float, Meta(gt=0, le=3650, description="Executors that are OFFLINE, hold nothing and were not deactivated.")
    ] = 7
    executions_days: Annotated[float, Meta(gt=0, le=3650, description="Executions of the platform's own upkeep.")] = 30
    executions_most: Annotated[
        int, Meta(ge=100, le=10_000_000, description="The most of them, of all operations together.")
    ] = 10_000
