"""The REST API as one application."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from application.notifications.event_feed import EventFeed
from application.notifications.ports import JobLookup, SinksReader
from application.notifications.webhooks import Webhooks
from application.operations.nodes import Nodes
from application.operations.operation_control import OperationControl
from application.operations.ports import LocksReader, OperationsReader
from application.operations.shared_locks import SharedLocks
from application.scheduling.backfill_views import BackfillReader
from application.scheduling.backfills import Backfills
from application.scheduling.cluster_management import ClusterManagementService
from application.scheduling.coming_changes import ComingChanges
from application.scheduling.event_intake import EventIntake
from application.scheduling.explanations import Explanations
from application.scheduling.forecast import Forecast
from application.scheduling.graph_views import JobGraphs
from application.scheduling.health_scanner import HealthScanner
from application.scheduling.job_document import JobDocument
from application.scheduling.job_management import JobManagementService
from application.scheduling.queries import SchedulingReader
from application.scheduling.reaper import Reaper
from application.scheduling.redrive import Redrive
from application.scheduling.runs import Runs
from application.scheduling.skips import Skips
from application.scheduling.switches import Switches
from application.scheduling.task_control import TaskControlService
from application.scheduling.task_execution import TaskExecutionService
from application.scheduling.upcoming import UpcomingFires
from application.shared.draining import Draining
from application.shared.principal import LOCAL
from application.shared.repeats import Repeats
from application.shared.wake_up import WakeUp
from domain.operations.ports.locks import Locks
from interfaces.rest.access import Access
from interfaces.rest.actuator.router import ACTUATOR, Actuator
from interfaces.rest.bodies import LARGEST, JsonBody
from interfaces.rest.cluster_status import CLUSTER
from interfaces.rest.errors import EXCEPTION_HANDLERS
from interfaces.rest.executor_api.report import ReportBody
from interfaces.rest.executor_api.router import EXECUTOR_API
from interfaces.rest.gate import Gate
from interfaces.rest.idempotency import Idempotency
from interfaces.rest.notifications.events import follow_events
from interfaces.rest.notifications.sinks import SinkController
from interfaces.rest.notifications.webhooks import WebhookController
from interfaces.rest.openapi.pages import PAGES
from interfaces.rest.openapi.schemas import MsgspecSchemas
from interfaces.rest.operations.cluster_locks import cluster_locks
from interfaces.rest.operations.locks import LOCKS
from interfaces.rest.routes import Routes
from interfaces.rest.scheduling.apply import apply_jobs
from interfaces.rest.scheduling.backfills import BACKFILLS
from interfaces.rest.scheduling.cluster import ExecutorController
from interfaces.rest.scheduling.cluster_upkeep import ClusterController
from interfaces.rest.scheduling.coming_changes import ComingChangeController
from interfaces.rest.scheduling.events import publish_events
from interfaces.rest.scheduling.explain import explain_job, explain_task
from interfaces.rest.scheduling.failures import FailureController
from interfaces.rest.scheduling.graph import JobGraphController, graph
from interfaces.rest.scheduling.job_actions import JobActionController
from interfaces.rest.scheduling.job_health import job_health
from interfaces.rest.scheduling.job_skips import JobSkipController
from interfaces.rest.scheduling.job_times import JobTimeController, preview
from interfaces.rest.scheduling.job_validation import validate_job
from interfaces.rest.scheduling.jobs import JobController
from interfaces.rest.scheduling.runs import RunController
from interfaces.rest.scheduling.switches import SWITCHES
from interfaces.rest.scheduling.task_batch import batch_tasks
from interfaces.rest.scheduling.task_lists import TaskListController
from interfaces.rest.scheduling.task_standing import TaskStandingController
from interfaces.rest.scheduling.task_verbs import TaskVerbController
from interfaces.rest.scheduling.tasks import TaskController
from interfaces.rest.scheduling.upcoming import upcoming
from interfaces.rest.upkeep import OPERATIONS

API: Sequence[ControllerRouterHandler] = (
    JobController,
    JobActionController,
    validate_job,
    JobTimeController,
    JobGraphController,
    RunController,
    graph,
    preview,
    JobSkipController,
    ComingChangeController,
    upcoming,
    apply_jobs,
    publish_events,
    TaskController,
    TaskListController,
    TaskVerbController,
    TaskStandingController,
    batch_tasks,
    FailureController,
    explain_task,
    explain_job,
    ClusterController,
    *SWITCHES,
    *BACKFILLS,
    job_health,
    ExecutorController,
    *EXECUTOR_API,
    *LOCKS,
    cluster_locks,
    *OPERATIONS,
    follow_events,
    SinkController,
    WebhookController,
    *CLUSTER,
)
"""What stands below /api/v1."""


class Reader(SchedulingReader, Protocol):
    """The read side, and whether it answers."""

    @abstractmethod
    async def ping(self) -> None:
        """Raises when the store does not answer."""


Lifespan = Callable[[Litestar], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything the REST API may call; built once by `bootstrap`."""

    jobs: JobManagementService
    forecast: Forecast
    graphs: JobGraphs
    runs: Runs
    skips: Skips
    coming_changes: ComingChanges
    upcoming: UpcomingFires
    events: EventIntake
    tasks: TaskExecutionService
    task_control: TaskControlService
    redrive: Redrive
    scanner: HealthScanner
    explanations: Explanations
    backfills: Backfills
    backfill_reader: BackfillReader
    cluster: ClusterManagementService
    reaper: Reaper
    switches: Switches
    reader: Reader
    repeats: Repeats
    shared_locks: SharedLocks
    locks_reader: LocksReader
    operation_locks: Locks
    operations: OperationControl
    operations_reader: OperationsReader
    nodes: Nodes
    event_feed: EventFeed
    event_types: frozenset[str]
    job_lookup: JobLookup
    webhooks: Webhooks
    sinks_reader: SinksReader
    wake_up: WakeUp
    draining: Draining
    actuator: Actuator
    default_slots: int = 100
    """Tasks at the same time of an executor that does not say how many."""


def create_app(
    services: Services, *, lifespan: Sequence[Lifespan] = (), allowed_hosts: Collection[str] = (), api: bool = True
) -> Litestar:
    """The application. It answers to loopback names and to `allowed_hosts`, and to no other.

    Without `api` it shows how the node is, and nothing else.
    """
    routes = Routes()
    app = Litestar(
        route_handlers=[*ACTUATOR, *(_everything_else() if api else ())],
        dependencies={
            name: _given(value)
            for name, value in (
                ("principal", LOCAL),
                ("jobs", services.jobs),
                ("forecast", services.forecast),
                ("graphs", services.graphs),
                ("runs", services.runs),
                ("skips", services.skips),
                ("coming_changes", services.coming_changes),
                ("upcoming_fires", services.upcoming),
                ("events", services.events),
                ("tasks", services.tasks),
                ("control", services.task_control),
                ("redrive", services.redrive),
                ("scanner", services.scanner),
                ("explanations", services.explanations),
                ("backfills", services.backfills),
                ("backfill_reader", services.backfill_reader),
                ("cluster", services.cluster),
                ("reaper", services.reaper),
                ("switches", services.switches),
                ("reader", services.reader),
                ("shared_locks", services.shared_locks),
                ("locks_reader", services.locks_reader),
                ("operation_locks", services.operation_locks),
                ("operations", services.operations),
                ("operations_reader", services.operations_reader),
                ("nodes", services.nodes),
                ("event_feed", services.event_feed),
                ("event_types", services.event_types),
                ("job_lookup", services.job_lookup),
                ("webhooks", services.webhooks),
                ("sinks_reader", services.sinks_reader),
                ("wake_up", services.wake_up),
                ("draining", services.draining),
                ("default_slots", services.default_slots),
                ("about", services.actuator.about),
                ("checks", services.actuator.checks),
                ("exposition", services.actuator.exposition),
            )
        },
        before_request=routes.check,
        middleware=[partial(Idempotency, repeats=services.repeats)],
        dto=JsonBody,
        return_dto=None,
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=LARGEST,
        plugins=[routes, MsgspecSchemas(also=(JobDocument, ReportBody))],
        openapi_config=None,
        lifespan=list(lifespan),
        logging_config=None,
    )
    # Around the router, not inside: paths that do not exist are guarded, named and logged as well.
    app.asgi_handler = Access(Gate(app.asgi_handler, allowed_hosts), services.actuator.observe)
    return app


def _everything_else() -> Sequence[ControllerRouterHandler]:
    return [Router("/api/v1", route_handlers=API), *PAGES]


def _given(value: object) -> Provide:
    def dependency() -> Any:
        return value

    return Provide(dependency, sync_to_thread=False)
