"""What a line of a crontab came to: taken as a job, refused for a reason, or no job at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

JobDocument = Mapping[str, object]
"""A job as `POST /api/v1/apply` takes it."""


class Layout(Enum):
    """The two formats of crontab(5): the system's has one column more, the user before the command."""

    USER = "user"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Taken:
    """A line that became a job. `notes` say what differs from cron."""

    number: int
    text: str
    job: JobDocument
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that means a job and cannot become one. `column` counts characters of the line from 1."""

    number: int
    text: str
    reason: str
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A line that is no job. `what` is `blank`, `comment` or `environment`; `notes` say what it changed."""

    number: int
    text: str
    what: str
    notes: tuple[str, ...] = ()


Line = Taken | Refused | Ignored


@dataclass(frozen=True, slots=True)
class Reading:
    """How a crontab is read.

    `source` is the file's name, for the tag; `time_zone` the zone of lines under no `CRON_TZ`; `prefix` goes before
    each job's name; `user` names the owner of a crontab in user format; with `bind_user` a job runs only on workers
    whose label `user` is the line's user.
    """

    source: str
    layout: Layout
    time_zone: str
    prefix: str = ""
    active: bool = True
    user: str | None = None
    bind_user: bool = True
