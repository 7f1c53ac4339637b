"""What cron triggers do when clocks change, found by asking them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

from domain.timing.cron import CronExpression
from domain.timing.local_time import DstRule, Gap, Overlap
from domain.timing.ports import Calendars
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import TICK, TriggerState
from domain.timing.triggers.cron import CronTrigger
from infrastructure.cel import CelFilters
from infrastructure.cron import CroniterCalendar
from infrastructure.holidays import ComputedHolidays
from infrastructure.time_zones import pin_time_zones

_CALENDARS = Calendars(cron=CroniterCalendar(), holidays=ComputedHolidays(), filters=CelFilters())
_ZONE = TimeZone("Europe/Berlin")
_EXPRESSIONS = ("30 2 * * *", "*/30 2 * * *", "30 * * * *", "0 3 * * *")
_FORWARD = (datetime(2031, 3, 29, 23, 59, tzinfo=UTC), timedelta(hours=2, minutes=1))
_BACK = (datetime(2031, 10, 25, 22, 59, tzinfo=UTC), timedelta(hours=3, minutes=1))


def clock_changes_page() -> str:
    """A table for each of the two changes of clocks."""
    pin_time_zones()
    return "\n".join(
        (
            "# When clocks change",
            "",
            "<!-- Made from the code by `make docs`. -->",
            "",
            "When the fires of some expressions come in Europe/Berlin, by the rule that the trigger has for times that",
            "do not exist (`dst.gap`) and for times that come twice (`dst.overlap`). Times are written with their",
            "offset from UTC. `AUTO` is the default.",
            "",
            "## Forward: 2031-03-30, from 02:00 to 03:00",
            "",
            "| expression | `gap` | fires from 01:00+01:00 to 04:00+02:00 |",
            "| --- | --- | --- |",
            *(_row(text, gap, _fires(text, DstRule(gap=gap), *_FORWARD)) for text, gap in product(_EXPRESSIONS, Gap)),
            "",
            "## Back: 2031-10-26, from 03:00 to 02:00",
            "",
            "| expression | `overlap` | fires from 01:00+02:00 to 03:00+01:00 |",
            "| --- | --- | --- |",
            *(
                _row(text, overlap, _fires(text, DstRule(overlap=overlap), *_BACK))
                for text, overlap in product(_EXPRESSIONS, Overlap)
            ),
            "",
        )
    )


def _row(text: str, rule: str, fires: Iterator[str]) -> str:
    return f"| `{text}` | `{rule}` | {', '.join(fires) or 'none'} |"


def _fires(text: str, rule: DstRule, start: datetime, span: timedelta) -> Iterator[str]:
    trigger = CronTrigger(expression=CronExpression.parse(text), zone=_ZONE, dst=rule)
    found = trigger.next_fire(start, TriggerState(), _CALENDARS)
    while found is not None and found < start + span + TICK:
        offset = _ZONE.local(found) - found.replace(tzinfo=None)
        yield f"{_ZONE.local(found):%H:%M}+{offset // timedelta(hours=1):02}:00"
        found = trigger.next_fire(found, TriggerState(), _CALENDARS)
