"""What a COMMAND job says it wants run."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from scheduler_sdk.errors import TaskFailed
from scheduler_sdk.wire import Item

SHELL = "/bin/sh"


class Event(Struct):
    """Which event made the job fire."""

    id: str = ""
    source: str = ""
    type: str = ""


class CommandParameters(Struct, forbid_unknown_fields=True):
    """`command` is argv, or a text for `sh -c`; `env` is added to the worker's own; `cwd` defaults to the worker's.

    `event` is what made the job fire, if an event did: the command reads it from `stdin`, unless that is given.
    """

    command: list[str] | str
    env: dict[str, str] = {}
    cwd: str | None = None
    stdin: str | None = None
    event: Raw = Raw()

    @property
    def argv(self) -> list[str]:
        return [SHELL, "-c", self.command] if isinstance(self.command, str) else self.command

    @property
    def input(self) -> str | None:
        """What the command reads."""
        return bytes(self.event).decode() if self.stdin is None and self._has_event else self.stdin

    @property
    def _has_event(self) -> bool:
        return bytes(self.event) not in (b"", b"null")

    def environment(self, item: Item) -> Mapping[str, str]:
        """The worker's environment, the job's on top of it, and which task and event this is."""
        return {
            **os.environ,
            **self.env,
            **self._event_variables(),
            **_nominal_variable(item),
            "SCHEDULER_TASK_ID": item.task_id,
            "SCHEDULER_JOB_NAME": item.job_name,
            "SCHEDULER_ATTEMPT": str(item.attempt),
            "SCHEDULER_TOKEN": str(item.token),
        }

    def _event_variables(self) -> Mapping[str, str]:
        if not self._has_event:
            return {}
        event = _decode_event(self.event) or Event()
        return {
            "SCHEDULER_EVENT_ID": event.id,
            "SCHEDULER_EVENT_SOURCE": event.source,
            "SCHEDULER_EVENT_TYPE": event.type,
        }


_decode = msgspec.json.Decoder(CommandParameters).decode
_decode_event = msgspec.json.Decoder(Event | None).decode


def parse(parameters: Raw) -> CommandParameters:
    """Raises `TaskFailed` with INVALID_PARAMETERS, which no retry would mend."""
    try:
        wanted = _decode(parameters)
        _decode_event(bytes(wanted.event) or b"null")
    except msgspec.DecodeError as error:
        raise invalid(str(error)) from None
    first = wanted.command if isinstance(wanted.command, str) else "".join(wanted.command[:1])
    if not first.strip():
        raise invalid("`command` is empty")
    if any(not name or "=" in name for name in wanted.env):
        raise invalid("the name of a variable in `env` is empty, or contains '='")
    texts = (*wanted.argv, *wanted.env, *wanted.env.values(), wanted.cwd or "")
    if any("\x00" in text for text in texts):
        raise invalid("no text in `command`, `env` and `cwd` may contain the character NUL")
    return wanted


def invalid(detail: str) -> TaskFailed:
    return TaskFailed("INVALID_PARAMETERS", f"the parameters of the COMMAND are not valid: {detail}", retryable=False)


def _nominal_variable(item: Item) -> Mapping[str, str]:
    """The time of the schedule that it runs for, if there is one."""
    if item.nominal_at is None:
        return {}
    return {"SCHEDULER_NOMINAL_AT": item.nominal_at.isoformat().replace("+00:00", "Z")}
