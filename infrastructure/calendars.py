"""The calendars that triggers may ask."""

from __future__ import annotations

from domain.timing.ports import Calendars, CronCalendar
from infrastructure.cron import CroniterCalendar


class SystemCalendars(Calendars):
    """Cron by croniter."""

    def __init__(self) -> None:
        self._cron = CroniterCalendar()

    @property
    def cron(self) -> CronCalendar:
        return self._cron
