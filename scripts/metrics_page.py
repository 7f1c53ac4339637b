"""The page of the reference about metrics."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from prometheus_client.metrics_core import Metric

from application.notifications.views import SinkView
from application.scheduling.figures import Figures, FiguresReader, PoolFigures
from domain.operations.lock import LockTerm
from infrastructure.telemetry import FIGURES_SECONDS, SinkFigures, Telemetry

PAGE = """\
# Metrics

<!-- Made from the code by `make docs`. -->

`GET /actuator/prometheus` answers in the text format of Prometheus (0.0.4). Times are in seconds. The name by which
Prometheus calls a node has to be one of [`server.allowed-hosts`](settings.md), unless it calls over loopback.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
{metrics}

A node counts what it does itself, from zero at its start: add the nodes up. What it reads from the store, marked ¹, is
the same on every node: take the highest. Those numbers are at most {age:.0f} s old, and are left out while the store is
away. The gauges of tasks whose names end in `_count` are plain totals; the counters tell the same in more detail.

| histogram | upper bounds of its buckets |
| --- | --- |
{buckets}

Besides these there are the metrics of the process (`process_cpu_seconds_total`, `process_resident_memory_bytes`,
`process_open_fds`, `process_start_time_seconds` and others) and of Python (`python_gc_…`, `python_info`).

## Questions they answer

```promql
# Do jobs start on time? The lag that 99 of 100 fires stay below.
histogram_quantile(0.99, sum by (le) (rate(scheduler_schedule_lag_seconds_bucket[5m])))

# Are there enough executors? Pools whose queue has waited for more than a minute.
max by (pool) (scheduler_oldest_pending_age_seconds) > 60

# How full are they?
max by (pool) (scheduler_executor_slots_used) / max by (pool) (scheduler_executor_slots)

# How much of what ends, fails?
sum(rate(scheduler_settlements_total{{status=~"FAILED|TIMEOUT"}}[15m])) / sum(rate(scheduler_settlements_total[15m]))

# Does the world hear of it? Sinks whose events wait for more than a minute.
max by (sink) (scheduler_sink_lag_seconds) > 60

# Fires that did not run, by reason.
sum by (decision) (increase(scheduler_fires_total{{decision!="FIRED"}}[1h]))
```
"""


class _OnePool(FiguresReader):
    async def figures(self) -> Figures:
        return Figures(active_jobs=1, online_executors=1, pools=[PoolFigures(pool="default")], ailing={"OVERDUE": 0})


class _OneSink(SinkFigures):
    async def all_sinks(self) -> list[SinkView]:
        return [SinkView(name="redis-stream", position="1.0", lag_seconds=0, dead_letters=0, lost=0)]


def metrics() -> str:
    """Every metric of the product."""
    own, of_store = asyncio.run(_families())
    return PAGE.format(
        metrics="\n".join(_row(family, family.name in of_store) for family in own),
        buckets="\n".join(_bounds(family) for family in own if family.type == "histogram"),
        age=FIGURES_SECONDS,
    )


async def _families() -> tuple[list[Metric], set[str]]:
    """All, each with a sample, and the names of those that come from the store."""
    telemetry = Telemetry(_OnePool(), {"version": "1", "node": "n", "database": "postgresql"}, _OneSink())
    telemetry.answered("GET", "/", 200, 0.1)
    telemetry.skipped(LockTerm(name="operation:old-requests", at_most=timedelta(hours=1)))
    alone = {family.name for family in telemetry.collect()}
    await telemetry.exposition()
    families = list(telemetry.collect())
    return families, {family.name for family in families} - alone


def _row(family: Metric, of_store: bool) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = ", ".join(f"`{label}`" for label in family.samples[0].labels if label != "le")
    return f"| `{name}`{' ¹' if of_store else ''} | {family.type} | {labels} | {family.documentation} |"


def _bounds(family: Metric) -> str:
    bounds = [sample.labels["le"] for sample in family.samples if "le" in sample.labels]
    return f"| `{family.name}` | {' · '.join(f'{float(bound):g}' for bound in bounds[:-1])} |"
