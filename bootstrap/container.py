"""Builds every object of the server once; opens and closes nothing."""

from __future__ import annotations

from dependency_injector import containers, providers

from application.notifications.event_feed import EventFeed
from application.notifications.outbox_relay import OutboxRelay
from application.notifications.webhooks import Webhooks
from application.operations.locking import Locking
from application.operations.nodes import Nodes
from application.operations.operation_control import OperationControl
from application.operations.operation_runner import OperationRunner
from application.operations.shared_locks import SharedLocks
from application.scheduling.admitter import Admitter
from application.scheduling.assignments import Assignments
from application.scheduling.backfiller import Backfiller
from application.scheduling.backfills import Backfills
from application.scheduling.beat_recorder import BeatRecorder
from application.scheduling.cluster_management import ClusterManagementService
from application.scheduling.coming_changes import ComingChanges
from application.scheduling.event_intake import EventIntake
from application.scheduling.explanations import Explanations
from application.scheduling.follower import Follower
from application.scheduling.forecast import Forecast
from application.scheduling.graph_views import JobGraphs
from application.scheduling.health_scanner import HealthScanner
from application.scheduling.job_management import JobManagementService
from application.scheduling.job_planning import JobPlanning
from application.scheduling.judge import Judge
from application.scheduling.lanes import Lanes
from application.scheduling.planner import Planner
from application.scheduling.reaper import Reaper
from application.scheduling.redrive import Redrive
from application.scheduling.report_intake import ReportIntake
from application.scheduling.runs import Runs
from application.scheduling.sessions import Sessions
from application.scheduling.skips import Skips
from application.scheduling.switches import Switches
from application.scheduling.task_control import TaskControlService
from application.scheduling.task_execution import TaskExecutionService
from application.scheduling.upcoming import UpcomingFires
from application.shared.draining import Draining
from bootstrap.coordination import Coordination, coordination_of, locks_of
from bootstrap.event_types import event_types
from bootstrap.job_types import known_job_types
from bootstrap.observing import actuator_of, telemetry_of, this_process
from bootstrap.settings import Settings
from bootstrap.sinks import Carriers, WebhookSinks, sinks_of
from bootstrap.upkeep import terms_of, upkeep_of
from domain.timing.ports import Calendars
from infrastructure.cel import CelFilters
from infrastructure.cel_conditions import CelConditions
from infrastructure.clock import SystemClock
from infrastructure.cron import CroniterCalendar
from infrastructure.holidays import ComputedHolidays
from infrastructure.ids import SystemDice, TimeOrderedIds
from infrastructure.local.commit_hint import CommitHint
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.event_log import SqlEventLog
from infrastructure.sql.job_lookup import ReaderJobLookup
from infrastructure.sql.notifications.sink_book import SqlSinkBook
from infrastructure.sql.notifications.webhook_book import SqlWebhookBook
from infrastructure.sql.operations.locks import SqlLocks
from infrastructure.sql.operations.reader import SqlLocksReader
from infrastructure.sql.operations.work import SqlOperationsWork
from infrastructure.sql.operations_reader import SqlOperationsReader
from infrastructure.sql.repeats import SqlRepeats
from infrastructure.sql.scheduling.reader import SqlSchedulingReader
from infrastructure.sql.scheduling.reader_backfills import SqlBackfillReader
from infrastructure.sql.scheduling.reader_explanation import SqlExplanationReader
from infrastructure.sql.scheduling.reader_figures import SqlFigures
from infrastructure.sql.scheduling.reader_runs import SqlRunReader
from infrastructure.sql.scheduling.reader_upcoming import SqlUpcomingReader
from infrastructure.sql.scheduling.task_exchange import SqlTaskExchange
from infrastructure.sql.scheduling.work import SqlSchedulingWork
from infrastructure.sql.sinks_reader import SqlSinksReader
from infrastructure.time_zones import tzdata_version
from infrastructure.webhooks.signature import new_secret
from interfaces.loops.admitter import admitter_loop
from interfaces.loops.backfiller import backfiller_loop
from interfaces.loops.follower import follower_loop
from interfaces.loops.health_scanner import health_scanner_loop
from interfaces.loops.heartbeats import heartbeats_loop
from interfaces.loops.judge import judge_loop
from interfaces.loops.node import node_loop
from interfaces.loops.operations import operations_loop
from interfaces.loops.outbox_relay import outbox_relay_loop
from interfaces.loops.planner import planner_loop
from interfaces.loops.reaper import reaper_loop
from interfaces.rest.app import Services


class Container(containers.DeclarativeContainer):
    """From the outside in: technology, then use cases, then what calls them."""

    settings = providers.Dependency(instance_of=Settings)

    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(TimeOrderedIds)
    dice = providers.Singleton(SystemDice)
    calendars = providers.Singleton(
        Calendars,
        cron=providers.Singleton(CroniterCalendar),
        holidays=providers.Singleton(ComputedHolidays),
        filters=providers.Singleton(CelFilters),
    )
    coordination: providers.Singleton[Coordination] = providers.Singleton(coordination_of, settings, ids)
    wake_up = coordination.provided.wake_up
    heartbeats = coordination.provided.heartbeats
    draining = providers.Singleton(Draining, wake_up)
    job_types = providers.Singleton(known_job_types)

    store: providers.Singleton[Store] = providers.Singleton(
        open_store, settings.provided.database_url, clock, settings.provided.limits
    ).add_attributes(committed=providers.Singleton(CommitHint, wake_up))
    zone_data = providers.Callable(tzdata_version)
    work = providers.Factory(SqlSchedulingWork, store, zone_data)
    exchange = providers.Singleton(SqlTaskExchange, store)
    reader = providers.Singleton(SqlSchedulingReader, store)
    repeats = providers.Singleton(SqlRepeats, store)
    sinks_reader = providers.Singleton(SqlSinksReader, store)
    telemetry = providers.Singleton(telemetry_of, settings, store, providers.Singleton(SqlFigures, store), sinks_reader)

    operation_locks = providers.Singleton(locks_of, settings, coordination, store, ids, clock)
    locking = providers.Singleton(Locking, operation_locks, telemetry)
    operations_work = providers.Factory(SqlOperationsWork, store)
    locks_reader = providers.Singleton(SqlLocksReader, store)
    nodes = providers.Singleton(
        Nodes, operations_work.provider, providers.Singleton(this_process, settings), settings.provided.node_timeout
    )
    shared_locks = providers.Singleton(SharedLocks, operations_work.provider, wake_up, draining)
    operations_reader = providers.Singleton(SqlOperationsReader, store)
    upkeep = providers.Singleton(upkeep_of, settings, store, repeats, shared_locks)
    operation_runner = providers.Singleton(
        OperationRunner, upkeep, operations_work.provider, operations_reader, locking, ids, settings.provided.node_id
    )
    operations = providers.Singleton(
        OperationControl,
        providers.Callable(terms_of, upkeep),
        operations_work.provider,
        operations_reader,
        ids,
        wake_up,
    )

    conditions = providers.Singleton(CelConditions)
    event_log = providers.Singleton(SqlEventLog, store)
    event_feed = providers.Singleton(EventFeed, event_log)
    sink_book = providers.Singleton(SqlSinkBook, store, event_log)
    carriers = providers.Singleton(
        Carriers, event_log, sink_book, providers.Singleton(SqlLocks, store, ids, settings.provided.node_id), ids, clock
    )
    webhook_book = providers.Singleton(SqlWebhookBook, store, event_log)
    webhook_sinks = providers.Singleton(WebhookSinks, webhook_book, clock, settings)
    sinks = providers.Singleton(sinks_of, settings, webhook_sinks)
    relay = providers.Singleton(OutboxRelay, sinks, carriers)

    lanes = providers.Singleton(Lanes, work.provider, clock, wake_up)
    sessions = providers.Singleton(Sessions, work.provider)
    assignments = providers.Singleton(Assignments, clock)
    switches = providers.Singleton(Switches, work.provider, clock, wake_up)
    planning = providers.Singleton(JobPlanning, ids, calendars, lanes, wake_up, conditions)
    jobs = providers.Singleton(
        JobManagementService,
        work.provider,
        ids,
        job_types,
        planning,
        wake_up,
        settings.provided.job_defaults,
        telemetry,
    )
    coming_changes = providers.Singleton(ComingChanges, work.provider, planning)
    forecast = providers.Singleton(Forecast, work.provider, calendars, clock)
    graphs = providers.Singleton(JobGraphs, work.provider)
    runs = providers.Singleton(Runs, work.provider, providers.Singleton(SqlRunReader, store), wake_up, telemetry)
    skips = providers.Singleton(Skips, work.provider, calendars)
    events = providers.Singleton(EventIntake, work.provider, ids, calendars, job_types, wake_up, telemetry)
    upcoming = providers.Singleton(UpcomingFires, providers.Singleton(SqlUpcomingReader, store), calendars, clock)
    intake = providers.Singleton(ReportIntake, exchange, dice, wake_up, telemetry)
    tasks = providers.Singleton(
        TaskExecutionService,
        work.provider,
        exchange,
        intake,
        sessions,
        lanes,
        assignments,
        ids,
        wake_up,
        draining,
        telemetry,
        switches,
    )
    task_control = providers.Singleton(TaskControlService, work.provider, exchange, intake, assignments, wake_up)
    scanner = providers.Singleton(HealthScanner, work.provider, calendars, wake_up, switches)
    backfills = providers.Singleton(Backfills, work.provider, ids, calendars, wake_up)
    backfill_reader = providers.Singleton(SqlBackfillReader, store)
    backfiller = providers.Singleton(Backfiller, work.provider, ids, calendars, wake_up, telemetry, switches)
    judge = providers.Singleton(Judge, work.provider, ids, lanes, conditions, job_types, wake_up, telemetry)
    redrive = providers.Singleton(Redrive, work.provider, wake_up)
    explanations = providers.Singleton(
        Explanations,
        work.provider,
        providers.Singleton(SqlExplanationReader, store),
        calendars,
        conditions,
        settings.provided.liveness,
    )
    cluster = providers.Singleton(
        ClusterManagementService,
        work.provider,
        exchange,
        sessions,
        lanes,
        heartbeats,
        settings.provided.liveness,
        ids,
        wake_up,
        telemetry,
    )
    planner = providers.Singleton(
        Planner, work.provider, ids, calendars, wake_up, telemetry, switches, coming_changes.provided.take_effect
    )
    follower = providers.Singleton(Follower, work.provider, wake_up)
    admitter = providers.Singleton(Admitter, work.provider, wake_up)
    reaper = providers.Singleton(
        Reaper, work.provider, heartbeats, settings.provided.liveness, lanes, dice, wake_up, telemetry
    )

    loops = providers.List(
        providers.Singleton(planner_loop, planner, wake_up),
        providers.Singleton(judge_loop, judge, wake_up),
        providers.Singleton(follower_loop, follower, wake_up),
        providers.Singleton(admitter_loop, admitter, wake_up),
        providers.Singleton(health_scanner_loop, scanner, wake_up),
        providers.Singleton(backfiller_loop, backfiller, wake_up),
        providers.Singleton(reaper_loop, reaper, wake_up),
        providers.Singleton(outbox_relay_loop, relay, wake_up),
        providers.Singleton(operations_loop, operation_runner, wake_up),
    )
    every_node_loops = providers.List(
        providers.Singleton(heartbeats_loop, providers.Singleton(BeatRecorder, work.provider, heartbeats), wake_up),
        providers.Singleton(node_loop, nodes, wake_up),
    )
    """What runs whatever the roles of a node are."""
    actuator = providers.Singleton(
        actuator_of, settings, store, reader, loops, every_node_loops, telemetry, coordination
    )
    known_events = providers.Callable(event_types)
    job_lookup = providers.Singleton(ReaderJobLookup, reader)
    webhooks = providers.Singleton(
        Webhooks, webhook_book, job_lookup, known_events, ids, providers.Object(new_secret), wake_up
    )
    services = providers.Singleton(
        Services,
        jobs=jobs,
        forecast=forecast,
        graphs=graphs,
        runs=runs,
        skips=skips,
        coming_changes=coming_changes,
        upcoming=upcoming,
        events=events,
        tasks=tasks,
        task_control=task_control,
        redrive=redrive,
        scanner=scanner,
        explanations=explanations,
        backfills=backfills,
        backfill_reader=backfill_reader,
        cluster=cluster,
        reaper=reaper,
        switches=switches,
        reader=reader,
        repeats=repeats,
        shared_locks=shared_locks,
        locks_reader=locks_reader,
        operation_locks=operation_locks,
        operations=operations,
        operations_reader=operations_reader,
        nodes=nodes,
        event_feed=event_feed,
        event_types=known_events,
        job_lookup=job_lookup,
        webhooks=webhooks,
        sinks_reader=sinks_reader,
        wake_up=wake_up,
        draining=draining,
        actuator=actuator,
        default_slots=settings.provided.slots,
    )
