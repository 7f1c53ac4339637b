"""What triggers ask of the outside: calendars."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from domain.shared.json_value import JsonText
from domain.timing.cron import CronExpression


class CronCalendar(Protocol):
    """Walks the wall-clock times of cron expressions."""

    @abstractmethod
    def next_local(self, expression: CronExpression, after: datetime) -> datetime | None:
        """The first time the expression names strictly after `after`; both are naive local times.

        Knows nothing of zones: every day has 24 hours here. None if it `never` fires, or not until the year 9989.
        """
        ...


@dataclass(frozen=True, slots=True)
class HolidayCalendar:
    """The public holidays of a country, by its ISO 3166 code; of one part of it, if that is given."""

    country: str
    subdivision: str | None = None

    def __str__(self) -> str:
        return self.country if self.subdivision is None else f"{self.country}-{self.subdivision}"


class HolidayCalendars(Protocol):
    """Knows the holidays of countries."""

    @abstractmethod
    def holiday(self, calendar: HolidayCalendar, day: date) -> str | None:
        """The name of the holiday that the day is, None if it is none. Raises `InvalidTrigger` as `check` does."""
        ...

    @abstractmethod
    def check(self, calendar: HolidayCalendar) -> None:
        """Raises `InvalidTrigger` if it is not known, with the pointer `/country` or `/subdivision`."""
        ...


class EventFilters(Protocol):
    """Understands the expressions by which triggers choose among events."""

    @abstractmethod
    def check(self, text: str) -> None:
        """Raises `InvalidTrigger` if the text is no expression that answers true or false; the pointer is `/filter`."""
        ...

    @abstractmethod
    def matches(self, text: str, event: JsonText) -> bool:
        """Whether it answers true for the event, within bounded time; what cannot be answered is no match."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendars:
    """All that triggers may ask, as one argument: a new kind of calendar changes no trigger."""

    cron: CronCalendar
    holidays: HolidayCalendars
    filters: EventFilters
