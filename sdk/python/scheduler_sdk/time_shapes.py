"""The documents of the API that tell of fires to come."""

from __future__ import annotations

from typing import TypedDict


class SkippedBy(TypedDict):
    """Who does not want a fire, and why."""

    reason: str
    by: str


class Fire(TypedDict):
    """A time at which a job will fire: what its schedule says, and the same with jitter or within a window.

    With a window it is in time up to `windowEndsAt`. `skipped`: it will not fire.
    """

    nominalAt: str
    plannedAt: str
    windowEndsAt: str | None
    skipped: SkippedBy | None


class UpcomingFire(TypedDict):
    """A fire of any job, or `count` of them as one, from `plannedAt` to `lastPlannedAt`."""

    jobId: str
    job: str
    type: str
    pool: str
    nominalAt: str
    plannedAt: str
    localAt: str
    windowEndsAt: str | None
    count: int
    lastPlannedAt: str | None
    interval: str | None
    skipped: SkippedBy | None
    skippedCount: int
    projectedDurationSeconds: float | None
    hasMore: bool
    isEstimate: bool


class NeededSlots(TypedDict):
    """The most slots of a pool that are needed in each `bucket` of the time, and the slots that it has now."""

    pool: str
    slots: int
    peak: int
    peakAt: str | None
    bucket: str
    needed: list[int]


Upcoming = TypedDict(
    "Upcoming",
    {
        "from": str,
        "to": str,
        "timeZone": str,
        "items": list[UpcomingFire],
        "hasMore": bool,
        "pools": list[NeededSlots],
        "unreadable": list[str],
    },
)
"""What all jobs will do from `from` on and before `to`."""


class ClockChange(TypedDict):
    """What a trigger does where the clocks of its zone are changed; `note` says it for people."""

    zone: str
    at: str
    clocks: str
    localFrom: str
    localTo: str
    effect: str
    localTimes: list[str]
    hasMore: bool
    fires: list[str]
    note: str


class Outlook(TypedDict):
    """The next fires, and the next changes of clocks."""

    fires: list[Fire]
    clockChanges: list[ClockChange]
