"""The worker: an executor process, or a part of one, that claims tasks from the server and runs them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from scheduler_sdk.command.guardian import Guardian
from scheduler_sdk.command.process import DEATH
from scheduler_sdk.command.work import CommandWork
from scheduler_sdk.duty import Duty
from scheduler_sdk.errors import Refused, Superseded
from scheduler_sdk.execution.budget import OutputLimit
from scheduler_sdk.execution.outbox import Outbox
from scheduler_sdk.execution.slots import Slots, Work
from scheduler_sdk.handlers.children import ProcessLimits
from scheduler_sdk.handlers.handler import F, Handler, RunIn
from scheduler_sdk.handlers.work import PythonWork
from scheduler_sdk.job_types.http import HttpRules, HttpWork
from scheduler_sdk.job_types.installed import installed
from scheduler_sdk.job_types.sql import SqlWork
from scheduler_sdk.protocol.identity import default_labels, host_name, sdk_version
from scheduler_sdk.protocol.link import Link
from scheduler_sdk.protocol.session import Session
from scheduler_sdk.race import race
from scheduler_sdk.server_address import resolve_server
from scheduler_sdk.stopping import StopSignal
from scheduler_sdk.wire import Registration

logger = logging.getLogger("scheduler_sdk")

OF_A_SIGNAL = 128
"""Exit codes of processes that a signal ended begin after this one."""


class Worker:
    """Runs up to `slots` tasks at a time: those of its Python handlers and of the other types that it is allowed.

    Lives in the event loop that calls `run`, so that it can be a part of any process:

        worker = Worker("http://127.0.0.1:8080", commands=True)

        @worker.handler("invoice.render")
        async def render(context: TaskContext, invoice: Invoice) -> dict[str, str]: ...

        await worker.run()

    `commands`: COMMAND tasks; `http`: HTTP tasks, with `HttpRules(allow_private=True)` also to addresses that are not
    public; `sql`: SQL tasks, on these databases by name; `job_types`: types that installed packages bring along.
    `executor_id`: its name on the server, which otherwise makes one. `labels` are added to `os`, `host` and `user`.
    `drain_timeout`: seconds that running tasks have to finish once it is stopped; the rest is given back.
    `kill_grace`: seconds between SIGTERM and SIGKILL for a command, and for a handler in a process
    of its own; `processes` bounds those. `on_ready` is called once it is registered first.
    """

    def __init__(
        self,
        server: str,
        *,
        executor_id: str | None = None,
        pool: str = "default",
        labels: Mapping[str, str] | None = None,
        slots: int = 100,
        commands: bool = False,
        http: bool | HttpRules = False,
        sql: Mapping[str, str] | None = None,
        job_types: Sequence[str] = (),
        host: str | None = None,
        drain_timeout: float = 30.0,
        kill_grace: float = 5.0,
        output_limit: OutputLimit = OutputLimit(),  # noqa: B008 - frozen
        processes: ProcessLimits = ProcessLimits(),  # noqa: B008 - frozen
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        if slots < 1:
            raise ValueError(f"a worker needs at least one slot, not {slots}")
        self.server = resolve_server(server)
        self.executor_id = executor_id
        self.ready = asyncio.Event()
        """Set once the server has accepted the worker."""
        self._pool = pool
        self._host = host or host_name()
        self._labels = {**default_labels(self._host), **(labels or {})}
        self._size = slots
        self._commands = commands
        self._drain_timeout = drain_timeout
        self._kill_grace = kill_grace
        self._output_limit = output_limit
        self._on_ready = on_ready
        self._handlers = PythonWork(processes)
        self._http = HttpWork(http if isinstance(http, HttpRules) else HttpRules())
        if http:
            self.job_type("HTTP")(self._http.run)
        if sql:
            self.job_type("SQL")(SqlWork(sql).run)
        for name in job_types:
            self.job_type(name)(installed(name))
        self._guardian = Guardian()
        self._stop = StopSignal()
        self._ended_by: int = OF_A_SIGNAL + signal.SIGINT
        self._started = False

    def handler(
        self, name: str, *, timeout: float | None = None, retry: bool = True, run_in: RunIn | None = None
    ) -> Callable[[F], F]:
        """Register a function for the jobs of type PYTHON that name this handler; it stays a plain function.

        It is called with the parameters of the task, decoded into the types that it is annotated with, and with a
        `TaskContext` if it has an argument for one (see `Signature`). It returns JSON, or raises `NonRetryable`,
        `Snooze`, `Cancel` or any other exception. An async function runs in the worker's event loop, which it must not
        block. Any other runs in a child process, which may die without harm to the worker, or with `run_in="thread"` in
        a thread; in one, too, what a child cannot import: a lambda, a function inside of another, one of a script.
        `timeout` and `retry` are explained at `Handler`.
        """

        def register(function: F) -> F:
            self._handlers.add(Handler(name, function, timeout, retry, run_in))
            return function

        return register

    def job_type(
        self, name: str, *, timeout: float | None = None, retry: bool = True, run_in: RunIn | None = None
    ) -> Callable[[F], F]:
        """Register a function for all jobs of a type of your own; it is called like a handler, see `handler`."""

        def register(function: F) -> F:
            self._handlers.add_type(Handler(name, function, timeout, retry, run_in))
            return function

        return register

    def stop(self, *, at_once: bool = False) -> None:
        """Begin the drain, after which `run` returns; with `at_once` kill what runs and give it back.

        To be called in the worker's event loop; from elsewhere through its `call_soon_threadsafe`.
        """
        self._stop.ask(at_once=at_once)

    async def run(self) -> None:
        """Work until `stop` is called. Returns when the drain is over; cancelled, kills what runs and leaves no word.

        Raises `Refused` if the server does not accept the registration, `Superseded` if another process has taken
        over this executor's id, and `ValueError` if there is nothing that the worker could run. Waits for a server
        that cannot be reached, for ever.
        """
        if self._started:
            raise RuntimeError("a worker runs once; make a new one")
        self._started = True
        works = self._works()
        self._handlers.settle()
        registration = self._registration(works)
        changed = asyncio.Event()
        outbox = Outbox(changed.set)
        slots = Slots(self._size, works, outbox, grace=self._kill_grace, limit=self._output_limit)
        async with Link(self.server) as link:
            if self._commands:
                self._guardian.start()
            try:
                await Duty(
                    link,
                    registration,
                    slots,
                    outbox,
                    changed,
                    self._stop,
                    drain_timeout=self._drain_timeout,
                    kill_grace=self._kill_grace,
                ).perform(partial(self._registered, registration.types))
            finally:
                slots.kill_all()
                await race(slots.vacated(), asyncio.sleep(DEATH))
                slots.cancel_timers()
                await self._guardian.close()
                await self._handlers.close()
                await self._http.close()

    def run_forever(self) -> int:
        """Run as a process of its own: SIGTERM and SIGINT begin the drain, a second one ends it at once.

        Returns the exit code: 0 when drained, 1 when refused or superseded; when ended at once, what a shell reports of
        the signal that did it: 143 for SIGTERM, 130 for SIGINT.
        """
        with asyncio.Runner(loop_factory=_fast_event_loop()) as runner:
            return runner.run(self._run_until_signalled())

    async def _run_until_signalled(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            await self.run()
        except (Refused, Superseded) as error:
            logger.error("the worker ends: %s", error)
            return 1
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        return self._ended_by if self._stop.is_hurried else 0

    def _on_signal(self, number: signal.Signals) -> None:
        again = self._stop.is_asked
        if again and not self._stop.is_hurried:
            self._ended_by = OF_A_SIGNAL + number
        logger.info("%s: %s", number.name, "ending at once" if again else "draining; once more to end at once")
        self.stop(at_once=again)

    def _works(self) -> dict[str, Work]:
        works: dict[str, Work] = {}
        if self._commands:
            works["COMMAND"] = CommandWork(self._guardian).run
        works |= self._handlers.works()
        if not works:
            raise ValueError("nothing to run: register a handler, or allow commands")
        return works

    def _registration(self, works: Mapping[str, Work]) -> Registration:
        registration = Registration(
            instance_id="",  # each session draws its own
            host=self._host,
            version=sdk_version(),
            pool=self._pool,
            labels=self._labels,
            max_concurrent_tasks=self._size,
            types=list(works),
            handlers=self._handlers.names,
        )
        if self.executor_id is not None:
            registration.executor_id = self.executor_id
        return registration

    def _registered(self, types: Sequence[str], session: Session) -> None:
        self.executor_id = session.executor_id
        logger.info(
            "executor %s ready: server %s, pool %s, slots %d, types %s; waiting for tasks",
            session.executor_id,
            self.server,
            self._pool,
            self._size,
            ", ".join(types),
        )
        if not self.ready.is_set():
            self.ready.set()
            if self._on_ready is not None:
                self._on_ready()


def _fast_event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, if it is installed: it saves a fifth of the worker's own time."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
