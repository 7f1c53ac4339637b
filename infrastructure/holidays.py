"""Public holidays by the `holidays` package, which computes them for any year."""

from __future__ import annotations

import difflib
from datetime import date
from functools import lru_cache
from typing import Final

from domain.shared.errors import FieldProblem
from domain.timing.errors import InvalidTrigger
from domain.timing.ports import HolidayCalendar, HolidayCalendars

_LANGUAGE: Final = "en_US"
"""Of the names: otherwise they would follow the locale of the node."""


class ComputedHolidays(HolidayCalendars):
    """The package is imported when the first calendar is asked for: it takes 40 ms, and most jobs have none."""

    def holiday(self, calendar: HolidayCalendar, day: date) -> str | None:
        return _holidays(calendar, day.year).get(day)

    def check(self, calendar: HolidayCalendar) -> None:
        known = _countries()
        if (parts := known.get(calendar.country)) is None:
            raise _unknown("country", calendar.country, list(known), "an ISO 3166 code such as DE")
        if calendar.subdivision is not None and calendar.subdivision not in parts:
            raise _unknown("subdivision", calendar.subdivision, parts, f"one of {calendar.country}")


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    """The countries with their parts, those by old or other names of theirs included."""
    import holidays

    return holidays.list_supported_countries(include_aliases=True)


@lru_cache(maxsize=1024)
def _holidays(calendar: HolidayCalendar, year: int) -> dict[date, str]:
    import holidays

    ComputedHolidays().check(calendar)
    found = holidays.country_holidays(
        calendar.country, subdiv=calendar.subdivision, years=year, expand=False, language=_LANGUAGE
    )
    return {day: name for day, name in found.items() if day.year == year}


def _unknown(field: str, given: str, known: list[str], allowed: str) -> InvalidTrigger:
    near = difflib.get_close_matches(given[:64].upper(), known, n=1)
    hint = f'; did you mean "{near[0]}"?' if near else f"; allowed is {allowed}."
    if not known:
        hint = ": the country's holidays are not told apart by parts. Leave it out."
    detail = f'There is no holiday calendar of the {field} "{given[:64]}"{hint}'
    return InvalidTrigger(FieldProblem(f"/{field}", "UNKNOWN_HOLIDAYS", detail))
