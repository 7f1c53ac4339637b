"""Single fires that somebody does not want."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.scheduling.occurrence import schedule_fire_key
from domain.shared.errors import Conflict, FieldProblem, Invalid

MOST_SKIPS = 100
"""For one job at a time. Fewer than `CATCH_UP_STEP`, so that each step through a long gap decides some fires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """The fire at `nominal` is to be left out. When its time has come, the ledger says so, and why."""

    nominal: datetime
    reason: str
    by: str

    @property
    def words(self) -> str:
        """What the ledger says."""
        return f"{self.by}: {self.reason}"


class FireNotPlanned(Invalid):
    """The job has no fire at that nominal time that could still be left out; `/jobs/JOB/next` tells its fires."""

    code = "FIRE_NOT_PLANNED"

    def __init__(self, name: str, nominal: datetime, coming: Sequence[datetime]) -> None:
        text = ", ".join(schedule_fire_key(instant) for instant in coming)
        what = f"By its schedule its next fires are at {text}." if coming else "It has no fires to come."
        detail = f"Job {name!r} has no fire at {schedule_fire_key(nominal)} still to come. {what}"
        super().__init__(FieldProblem("/nominalAt", self.code, detail))


class TooManySkips(Conflict):
    """So many single fires of a job are left out already that it should rather be paused or changed."""

    code = "TOO_MANY_SKIPS"

    def __init__(self, name: str, most: int) -> None:
        super().__init__(f"{most} fires of job {name!r} are left out already. Pause it, or change its trigger.")
