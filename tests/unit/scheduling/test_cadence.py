"""Whether two schedules ever meet: compared with trying every fire, where that can be done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.scheduling.cadence import meant, meeting, never_meets
from domain.scheduling.dependency import Match, MatchType
from domain.timing.cron import CronExpression
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import Trigger, TriggerState
from domain.timing.triggers.any_of import AnyOfTrigger
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.event import EventTrigger
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from domain.timing.triggers.manual import ManualTrigger
from domain.timing.triggers.one_time import OneTimeTrigger
from tests.builders import CALENDARS, MINUTE, NOON, SECOND

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SAME, PREVIOUS = Match(MatchType.SAME), Match(MatchType.PREVIOUS)


def cron(expression: str, zone: str = "UTC") -> CronTrigger:
    return CronTrigger(expression=CronExpression.parse(expression), zone=TimeZone(zone))


def all_in(window: timedelta) -> Match:
    return Match(MatchType.ALL_IN, window)


@pytest.mark.parametrize(
    ("dependent", "upstream", "match", "never"),
    [
        (cron("0 3 * * *"), cron("0 3 * * *"), SAME, False),
        (cron("0 3 * * *"), cron("30 3 * * *"), SAME, True),
        (cron("0 0 1 * *"), cron("0 0 * * 0"), SAME, False),  # a first that is a Sunday
        (cron("0 0 29 2 *"), cron("0 0 * * 1"), SAME, False),  # every 28 years
        (cron("*/5 0 31 * *"), cron("*/5 0 30 * *"), SAME, True),
        (cron("1-59/2 * * * *"), cron("*/2 * * * *"), SAME, True),
        (cron("0 2 * * *", "Europe/Berlin"), cron("0 1 * * *"), SAME, False),  # in winter
        (cron("0 2 * * *", "Europe/Berlin"), cron("0 3 * * *"), SAME, True),
        (cron("0 3 * * *"), AnyOfTrigger(triggers=(cron("0 4 * * *"), cron("0 3 1 1 *"))), SAME, False),
        (cron("0 3 * * *"), OneTimeTrigger(at=NOON + DAY), SAME, True),
        (cron("0 12 * * *"), OneTimeTrigger(at=NOON + DAY), SAME, False),
        (cron("0 12 * * *"), OneTimeTrigger(at=NOON - DAY), SAME, True),
        (cron("0 3 * * *"), cron("30 2 * * *"), all_in(HOUR), False),
        (cron("0 3 * * *"), cron("30 2 * * *"), all_in(30 * MINUTE), True),  # the window begins after that
        (cron("0 3 * * *"), cron("30 2 * * *"), all_in(31 * MINUTE), False),
        (cron("0 3 * * 1"), cron("0 3 * * 5"), all_in(DAY), True),
        (cron("0 3 * * *"), ManualTrigger(), SAME, True),
        (cron("0 3 * * *"), EventTrigger(event_type="x"), SAME, True),
        (cron("0 3 * * *"), ManualTrigger(), all_in(DAY), False),
        (cron("0 3 * * *"), FixedRateTrigger(every=HOUR), SAME, False),  # who knows when it will have been activated?
        (FixedRateTrigger(every=HOUR), cron("0 3 * * *"), SAME, False),
        (cron("0 3 * * *"), cron("30 3 * * *"), PREVIOUS, False),
        (cron("0 3 * * *"), cron("30 3 * * *"), Match(MatchType.LATEST, MINUTE), False),  # it may be asked for
    ],
)
def test_only_what_can_never_meet_is_known_never_to(
    dependent: Trigger, upstream: Trigger, match: Match, never: bool
) -> None:
    assert never_meets(dependent, upstream, match, NOON, CALENDARS) is never


minutes = st.lists(st.integers(0, 59), min_size=1, max_size=3, unique=True).map(lambda found: ",".join(map(str, found)))
hours = st.sampled_from(["*", "*/2", "3", "1-23/2", "0,12"])
crons = st.builds(lambda minute, hour: cron(f"{minute} {hour} * * *"), minutes, hours)


@given(crons, crons, st.sampled_from([SAME, all_in(MINUTE), all_in(10 * MINUTE), all_in(2 * HOUR)]))
@settings(max_examples=20, deadline=None)
def test_the_first_meeting_is_the_one_that_trying_every_fire_finds(
    dependent: CronTrigger, upstream: CronTrigger, match: Match
) -> None:
    state = TriggerState(since=NOON)
    of_upstream = upstream.upcoming(NOON - 2 * HOUR, state, CALENDARS, 400)
    window = match.span or timedelta(microseconds=1)
    expected = None
    for nominal in dependent.upcoming(NOON, state, CALENDARS, 40):
        if any(nominal - window < fire <= nominal for fire in of_upstream):
            expected = nominal
            break
    found, known = meeting(dependent, upstream, match, NOON, CALENDARS), min(of_upstream[-1], NOON + DAY)
    if expected is not None and expected < known:
        assert found == expected
    elif found is not None:
        last = dependent.upcoming(NOON, state, CALENDARS, 40)[-1]
        assert found > min(last, known)  # farther than was tried


def test_what_a_match_means_is_the_latest_fire_and_how_many() -> None:
    hourly = cron("0 * * * *")
    at = NOON + 30 * MINUTE

    def of(match: Match, nominal: object = at) -> tuple[object, int]:
        (found,) = meant(hourly, match, [nominal], NOON, CALENDARS)  # type: ignore[list-item]
        return found.latest, found.count

    assert of(SAME) == (None, 0)
    assert of(SAME, NOON) == (NOON, 1)
    assert of(all_in(3 * HOUR)) == (NOON, 3)
    assert of(all_in(3 * HOUR), NOON) == (NOON, 3)  # the one three hours ago is not in it
    assert of(Match(MatchType.LATEST, 29 * MINUTE)) == (None, 0)
    assert of(Match(MatchType.LATEST, 30 * MINUTE)) == (NOON, 1)
    assert of(PREVIOUS, NOON) == (NOON - HOUR, 1)
    (yearly,) = meant(cron("0 0 1 1 *"), PREVIOUS, [NOON], NOON, CALENDARS)
    assert yearly.count == 1
    assert of(all_in(HOUR), NOON + SECOND) == (NOON, 1)
