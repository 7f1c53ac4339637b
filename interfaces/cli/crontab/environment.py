"""The environment lines of a crontab, read as cron's `load_env` reads them, and what each means to a job."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

_QUOTES = "'\""
_BLANKS = " \t"
_UNSUPPORTED = {
    "MAILTO": "no mail is sent: the output goes to the task's log",
    "MAILFROM": "no mail is sent: the output goes to the task's log",
    "CONTENT_TYPE": "no mail is sent",
    "CONTENT_TRANSFER_ENCODING": "no mail is sent",
    "LOGNAME": "cron does not let a crontab change it",
    "START_HOURS_RANGE": "belongs to anacron",
}


@dataclass(frozen=True, slots=True)
class Environment:
    """What the lines above a job line have set. A new one per environment line: each line sees those above it only."""

    variables: dict[str, str] = field(default_factory=dict)
    shell: str = "/bin/sh"
    home: str | None = None
    schedule_zone: str | None = None
    random_delay_minutes: int | None = None

    def with_line(self, name: str, value: str) -> tuple[Environment, tuple[str, ...]]:
        """This environment after the line `name=value`, and what is to be said about it."""
        if name in _UNSUPPORTED:
            return self, () if not value else (f"{name}: {_UNSUPPORTED[name]}",)
        if name == "CRON_TZ":
            return replace(self, schedule_zone=value or None), ()
        if name == "RANDOM_DELAY":
            return self._delayed(value)
        after = replace(self, variables=self.variables | {name: value})
        if name == "SHELL" and value:
            return replace(after, shell=value), ()
        if name == "HOME" and value:
            return replace(after, home=value), ()
        if name == "TZ":
            return after, ("TZ: also the zone of the schedules below (Debian's cron gives it to the commands only)",)
        return after, ()

    def zone(self, default: str) -> str:
        """The zone of a schedule: `CRON_TZ`, else `TZ`, else the default."""
        return self.schedule_zone or self.variables.get("TZ", "").removeprefix(":") or default

    def _delayed(self, value: str) -> tuple[Environment, tuple[str, ...]]:
        if not (value.isascii() and value.isdecimal() and len(value) <= 4):
            return self, (f"RANDOM_DELAY: '{value}' is not a number of minutes",)
        minutes = int(value)
        notes = (f"RANDOM_DELAY: fires of the jobs below are late by up to {minutes} min",) if minutes else ()
        return replace(self, random_delay_minutes=minutes or None), notes


def read_environment_line(line: str) -> tuple[str, str] | None:
    """Name and value, or None when the line is not `NAME = value`.

    Either side may be quoted whole; nothing is expanded; blanks around an unquoted value are not part of it.
    """
    name, rest = _word(line.lstrip(_BLANKS), until="=" + _BLANKS)
    rest = rest.lstrip(_BLANKS)
    if not name or "=" in name or not rest.startswith("="):
        return None
    rest = rest[1:].strip(_BLANKS)
    if rest[:1] and rest[0] in _QUOTES:
        value, after = _word(rest, until="")
        return None if value is None or after.strip(_BLANKS) else (name, value)
    return name, rest


def _word(text: str, *, until: str) -> tuple[str | None, str]:
    """The first word of `text`, quoted or up to a character of `until`, and the rest; None for an open quote."""
    if text[:1] and text[0] in _QUOTES:
        inside, quote, after = text[1:].partition(text[0])
        return (inside if quote else None), after
    end = next((i for i, character in enumerate(text) if character in until), len(text))
    return text[:end], text[end:]
