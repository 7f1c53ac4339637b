"""A command and all it starts, as one process group."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO

from scheduler_sdk.command.members import is_alive
from scheduler_sdk.command.output import LinePipe
from scheduler_sdk.execution.threads import in_thread

DRAIN = 1.0
"""Seconds that the output may stay open when the group is gone: a process that left the group can hold it for ever."""
DEATH = 2.0
"""Seconds to wait for what was killed: only a process stuck in the kernel takes longer."""
FIRST_LOOK, LAST_LOOK = 0.01, 0.2
"""Seconds between looks at a group whose leader has gone, for nothing announces its end; each is twice the last."""


class ProcessGroup:
    """Runs a command in a session, and so a process group, of its own; POSIX only.

    A process that leaves the group (`setsid`) is not followed. Raises `OSError` or `ValueError` if it cannot start.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: str | None, stdin: str | None) -> None:
        with _input(stdin) as source:
            self._process = subprocess.Popen(
                argv,
                env=env,
                cwd=cwd,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        self.id = self._process.pid
        self._gone = False
        self._closed = False
        try:
            self._exited = self._watch()
        except BaseException:  # no thread can be started
            self._process.kill()
            self._process.wait()
            raise
        self._unread = [pipe for pipe in (self._process.stdout, self._process.stderr) if pipe is not None]
        self._transports: list[asyncio.BaseTransport] = []
        self.left_behind = False
        """Whether something of the group outlived the command and had to be stopped."""
        self.held_open = False
        """Whether a process outside of the group still held the output when the group was gone."""

    async def attend(self, stdout: LinePipe, stderr: LinePipe, grace: Callable[[], float]) -> int:
        """Read the output, wait for the end of the whole group, and return the exit code, -n for signal n.

        What outlives the command itself gets `grace` seconds to end, then SIGTERM, then SIGKILL. When this is
        cancelled the command gets SIGTERM at once, and SIGKILL after `grace` seconds or when cancelled again.
        """
        try:
            try:
                for pipe in (stdout, stderr):
                    await self._connect(pipe)
                await asyncio.wait([self._exited])
                self.left_behind = not await self._vanished(grace())
            finally:
                if not self._gone:
                    await self._end(grace())
                _, held = await asyncio.wait([stdout.ended, stderr.ended], timeout=DRAIN)
                self.held_open = bool(held)
        finally:
            self._close()
        return self._process.wait()

    async def _connect(self, reader: LinePipe) -> None:
        pipe = self._unread.pop(0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: reader, pipe)
        self._transports.append(transport)

    async def _end(self, grace: float) -> None:
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # one that is suspended would not see the other
        with contextlib.suppress(asyncio.CancelledError):  # cancelled again: no more patience
            await self._vanished(grace)
        if not self._gone:
            self._signal(signal.SIGKILL)
            await self._vanished(DEATH)

    async def _vanished(self, timeout: float) -> bool:
        """Whether all of the group has ended within `timeout` seconds; its leader is reaped, and so are its orphans."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        look = FIRST_LOOK
        while not self._gone:
            left = until - loop.time()
            if self._exited.done() and not self._alive():
                self._gone = True
            elif left <= 0:
                break
            elif self._exited.done():
                await asyncio.sleep(min(look, left))
                look = min(LAST_LOOK, 2 * look)
            else:
                await asyncio.wait([self._exited], timeout=left)
        return self._gone

    def _alive(self) -> bool:
        """Whether the group has a member besides its dead leader."""
        self._reap()
        with contextlib.suppress(ChildProcessError):  # orphans are ours to reap only if we are a container's init
            while os.waitpid(-self.id, os.WNOHANG) != (0, 0):
                pass
        return is_alive(self.id)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # members of other users are out of our reach
            os.killpg(self.id, number)

    def _watch(self) -> asyncio.Future[None]:
        """A future that is done when the command has exited. It is not reaped yet, so that its id stays its own."""
        loop = asyncio.get_running_loop()
        try:
            descriptor = os.pidfd_open(self.id)
        except (AttributeError, OSError):  # not Linux, or an old one
            return in_thread(self._reap, f"wait for {self.id}")
        exited = loop.create_future()

        def on_exit() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            exited.set_result(None)
            if self._closed:  # given up on, and yet it came to an end
                self._reap()

        loop.add_reader(descriptor, on_exit)
        return exited

    def _reap(self) -> None:
        self._process.wait()

    def _close(self) -> None:
        self._closed = True
        if not self._gone:
            self._signal(signal.SIGKILL)
        if self._exited.done():
            self._reap()
        for transport in self._transports:
            transport.close()
        for pipe in self._unread:
            pipe.close()


@contextlib.contextmanager
def _input(text: str | None) -> Iterator[int | IO[bytes]]:
    """What to read from: a file, for a pipe would need someone who writes while the command reads."""
    if text is None:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield file
