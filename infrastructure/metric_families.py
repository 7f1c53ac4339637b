"""The product's metrics by name, and numbers as the families of samples that Prometheus knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from infrastructure.histogram import Histogram

ABOUT: Final[Mapping[str, str]] = {
    "scheduler_info": "This node, its version and its database; always 1.",
    "scheduler_jobs_active_count": "Jobs that are ACTIVE.",
    "scheduler_schedule_findings": "Schedules with something wrong, by finding; a healthy platform has none.",
    "scheduler_executor_count": "Executors that are ONLINE.",
    "scheduler_executors_stalled_count": "Executors that beat, while all that they run takes much longer than usual.",
    "scheduler_tasks_scheduled_count": "Tasks that this node has created since it started.",
    "scheduler_tasks_completed_count": "Tasks whose completion this node has recorded since it started.",
    "scheduler_tasks_failed_count": "Tasks that failed or timed out for good, recorded by this node since it started.",
    "scheduler_tasks_created": "Tasks created, by what asked for them.",
    "scheduler_fires": "Planned fires that the planner has decided, by decision.",
    "scheduler_settlements": "Ends of attempts and tasks, by the state of the task then; WAITING_RETRY: tried again.",
    "scheduler_locks": "Turns of the platform's upkeep on this node: taken, or skipped as another node had the lock.",
    "scheduler_schedule_lag_seconds": "From the planned time of a fire to its decision, when its task is created.",
    "scheduler_queue_wait_seconds": "From when an attempt was ready to when an executor took it.",
    "scheduler_task_duration_seconds": "From the start of an attempt to its end, as its executor reported it.",
    "scheduler_oldest_pending_age_seconds": "How long the head of a pool's queue has waited; of its lanes the longest.",
    "scheduler_executor_slots": "Tasks that the online executors of a pool can hold at once.",
    "scheduler_executor_slots_used": "Tasks that the executors of a pool hold.",
    "scheduler_sink_lag_seconds": "The age of the oldest commit whose events a sink has not had yet.",
    "scheduler_sink_dead_letters": "Events that a sink has refused for good and nobody has looked after.",
    "scheduler_http_request_duration_seconds": "From a request to the end of its answer; claims wait on purpose.",
    "scheduler_event_loop_lag_seconds": "How late the timers of this process are: the event loop was busy.",
}

Labels = tuple[str, ...]


def gauge(name: str, samples: Iterable[tuple[Labels, float]], *labels: str) -> Metric:
    """What goes up and down; each sample with the values of `labels`."""
    family = GaugeMetricFamily(name, ABOUT[name], labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def counter(name: str, samples: Mapping[str, int] | Mapping[tuple[str, str], int], *labels: str) -> Metric:
    """What only rises, from zero at the start of the process; `_total` is added to its name."""
    family = CounterMetricFamily(name, ABOUT[name], labels=labels)
    for value, number in samples.items():
        family.add_metric((value,) if isinstance(value, str) else value, number)
    return family


def histogram(name: str, samples: Iterable[tuple[Labels, Histogram]], *labels: str) -> Metric:
    """What was observed, by buckets."""
    family = HistogramMetricFamily(name, ABOUT[name], labels=labels)
    for values, observed in samples:
        family.add_metric(values, observed.buckets, observed.total)
    return family
