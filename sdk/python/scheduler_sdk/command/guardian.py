"""What ends the commands of a worker that is killed before it can do so itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess

from scheduler_sdk.command.parameters import SHELL

logger = logging.getLogger("scheduler_sdk")

# It reads "+ GROUP" and "- GROUP" from the worker. Its input ends when the worker does, however that comes about.
# PR_SET_PDEATHSIG would be the kernel's way, but it reaches only the command itself, not what that has started, and
# must be set between fork and exec, in Python code that a process with threads cannot run safely.
_SCRIPT = """
trap '' INT TERM HUP QUIT
groups=
while read -r sign group; do
    case $sign in
    +) groups="$groups $group" ;;
    -) kept=
       for each in $groups; do [ "$each" = "$group" ] || kept="$kept $each"; done
       groups=$kept ;;
    esac
done
[ -n "$groups" ] || exit 0
for each in $groups; do kill -s TERM -- "-$each"; done
sleep 1
for each in $groups; do kill -s KILL -- "-$each"; done
"""


class Guardian:
    """A shell, one for all commands of a worker, that stops their process groups when the worker is gone.

    The best that can be done from outside the kernel: a command is uncovered for the instant in which it is started.
    """

    def __init__(self) -> None:
        self.shell: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        try:
            self.shell = subprocess.Popen(
                [SHELL, "-c", _SCRIPT, "scheduler-guardian"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                start_new_session=True,  # a signal to the worker's group, such as Ctrl-C's, is not meant for it
            )
        except OSError as error:
            logger.warning("commands will outlive this worker if it is killed: no guardian could be started: %s", error)
        else:
            assert self.shell.stdin is not None
            os.set_blocking(self.shell.stdin.fileno(), False)

    def watch(self, group: int) -> None:
        self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        self._tell(f"- {group}\n")

    async def close(self) -> None:
        """Let it go: it stops at once what it still watches."""
        if self.shell is None or self.shell.stdin is None:
            return
        with contextlib.suppress(OSError):
            self.shell.stdin.close()
        await asyncio.to_thread(self._wait, self.shell)

    def _wait(self, shell: subprocess.Popen[bytes]) -> None:
        try:
            shell.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            shell.kill()
            shell.wait()

    def _tell(self, line: str) -> None:
        if self.shell is None or self.shell.stdin is None:
            return
        with contextlib.suppress(OSError):  # full, or gone: then the commands go unguarded
            self.shell.stdin.write(line.encode())
