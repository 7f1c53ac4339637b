"""What becomes of fires while earlier tasks of their job are alive."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.firing import Cause, decide, decide_at_once
from domain.scheduling.job import JobDefinition
from domain.scheduling.key_template import KeyTemplate
from domain.scheduling.limits import ConcurrencyLimit, Limits
from domain.scheduling.occurrence import Decision
from domain.scheduling.overlap import judge_overlap
from domain.scheduling.policies import MOST_BUFFERED, FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import Origin
from domain.shared.errors import Invalid
from domain.timing.trigger import TriggerState
from tests.builders import MINUTE, NOON, every, schedule

D, P = Decision, OverlapPolicy


@pytest.mark.parametrize(
    ("policy", "live", "waiting", "decision"),
    [
        (P.ALLOW, 9, 0, D.FIRED),
        (P.SKIP, 0, 0, D.FIRED),
        (P.SKIP, 1, 0, D.SKIPPED_OVERLAP),
        (P.BUFFER_ONE, 0, 0, D.FIRED),
        (P.BUFFER_ONE, 1, 0, D.BUFFERED),
        (P.BUFFER_ONE, 2, 1, D.BUFFER_DROPPED),
        (P.BUFFER_ONE, 9, 0, D.BUFFERED),
        (P.BUFFER_ALL, 1, 0, D.BUFFERED),
        (P.BUFFER_ALL, MOST_BUFFERED, MOST_BUFFERED - 1, D.BUFFERED),
        (P.BUFFER_ALL, MOST_BUFFERED + 1, MOST_BUFFERED, D.BUFFER_DROPPED),
        (P.CANCEL_OTHER, 0, 0, D.FIRED),
        (P.CANCEL_OTHER, 1, 0, D.BUFFERED),
        (P.TERMINATE_OTHER, 1, 0, D.FIRED),
    ],
)
def test_each_policy_decides(policy: OverlapPolicy, live: int, waiting: int, decision: Decision) -> None:
    verdict = judge_overlap(policy, live, waiting, is_last=True)
    assert verdict.decision is decision
    assert (verdict.reason is None) == (decision is D.FIRED)
    if verdict.reason:
        assert str(live) in verdict.reason


def due(policy: OverlapPolicy, fires: int, live: int, waiting: int = 0) -> Schedule:
    firing = FiringPolicy(overlap=policy, misfire=Misfire(policy=MisfirePolicy.FIRE_ALL))
    return schedule(every(MINUTE, fires + 8, NOON), policy=firing, live=live, waiting=waiting)


@given(st.sampled_from(P), st.integers(1, 12), st.integers(0, 5), st.integers(0, 2))
def test_several_fires_due_at_once_obey_it_one_after_the_other(
    policy: OverlapPolicy, fires: int, begun: int, waiting: int
) -> None:
    live = begun + waiting
    firing = decide(due(policy, fires, live, waiting), NOON + (fires - 1) * MINUTE)
    decisions = [fire.decision for fire in firing.decisions]
    assert len(decisions) == fires
    runs = [d for d in decisions if d.runs]
    match policy:
        case P.ALLOW:
            assert runs == decisions
        case P.SKIP:
            assert len(runs) == (not live)
        case P.BUFFER_ONE:
            assert len(runs) == min(fires, (not live) + max(1 - waiting, 0))
        case P.BUFFER_ALL:
            assert len(runs) == fires
        case _:
            assert decisions[:-1] == [D.SUPERSEDED] * (fires - 1)
            assert runs == decisions[-1:]
    assert sum(d is D.FIRED for d in decisions) <= 1 or policy is P.ALLOW
    assert firing.after.state.fired_count == decisions.count(D.FIRED), "what waits counts when it begins"
    assert firing.ends_others == (policy.ends_others and bool(runs))


def test_fires_that_run_stand_alone_in_the_ledger_and_others_together() -> None:
    firing = decide(due(P.BUFFER_ONE, 5, 0), NOON + 4 * MINUTE)
    assert [(decision, len(fires)) for decision, fires in firing.runs] == [
        (D.FIRED, 1),
        (D.BUFFERED, 1),
        (D.BUFFER_DROPPED, 3),
    ]


def limited(policy: OverlapPolicy, fired: int, waiting: int, **more: Any) -> Schedule:
    firing = FiringPolicy(overlap=policy, max_executions=3, misfire=Misfire(policy=MisfirePolicy.FIRE_ALL))
    state = TriggerState(last_nominal=NOON - MINUTE, fired_count=fired)
    known = every(MINUTE, 9, NOON)
    return schedule(
        known, policy=firing, state=state, live=fired + waiting, waiting=waiting, **({"reserved": waiting} | more)
    )


def test_what_waits_takes_no_execution_of_the_limit_before_it_begins() -> None:
    firing = decide(replace(limited(P.BUFFER_ALL, 0, 0), live=0), NOON + 4 * MINUTE)
    assert [f.decision for f in firing.decisions] == [D.FIRED, D.BUFFERED, D.BUFFERED, *[D.BUFFER_DROPPED] * 2]
    assert firing.decisions[-1].reason == "0 of at most 3 executions have begun, and others wait for their turn"
    assert (firing.after.state.fired_count, firing.after.exhausted) == (1, False)


def test_there_is_room_again_when_what_waited_was_dropped() -> None:
    full = limited(P.BUFFER_ALL, 1, 2)
    assert [f.decision for f in decide(full, NOON).decisions] == [D.BUFFER_DROPPED]
    room = replace(full, live=2, waiting=1, reserved=1)
    assert [f.decision for f in decide(room, NOON).decisions] == [D.BUFFERED]


def test_what_somebody_asked_for_takes_none_of_them() -> None:
    assert [f.decision for f in decide(limited(P.BUFFER_ALL, 1, 2, reserved=0), NOON).decisions] == [D.BUFFERED]


@pytest.mark.parametrize("policy", [P.ALLOW, P.SKIP])
def test_what_waits_from_an_earlier_policy_is_not_forgotten(policy: OverlapPolicy) -> None:
    changed = replace(limited(policy, 1, 2), live=0)
    assert [f.decision for f in decide(changed, NOON).decisions] == [D.BUFFER_DROPPED]


def test_one_that_takes_the_place_of_another_takes_its_execution_too() -> None:
    now = limited(P.CANCEL_OTHER, 2, 1)
    for n in range(6):
        firing = decide(now, NOON + n * MINUTE)
        assert [f.decision for f in firing.decisions] == [D.BUFFERED]
        now = replace(firing.after, live=2, waiting=1, reserved=1)
    assert (now.state.fired_count, now.exhausted) == (2, False)


def test_events_obey_it_too() -> None:
    causes = [Cause(fire_key=f"event:a:{n}", origin=Origin.EVENT) for n in range(3)]
    firing = decide_at_once(due(P.CANCEL_OTHER, 1, 1), causes, NOON)
    assert [fire.decision for fire in firing.decisions] == [D.SUPERSEDED, D.SUPERSEDED, D.BUFFERED]


@pytest.mark.parametrize("own", P)
@pytest.mark.parametrize("other", P)
def test_one_run_may_have_another_policy_of_its_kind(own: OverlapPolicy, other: OverlapPolicy) -> None:
    if other in (own, P.SKIP) or own.takes_turns == other.takes_turns:
        assert own.overridden(other) is other
    else:
        with pytest.raises(Invalid, match="may have"):
            own.overridden(other)
    assert own.overridden(None) is own


@pytest.mark.parametrize("policy", P)
def test_what_takes_turns_needs_no_concurrency_limit(policy: OverlapPolicy) -> None:
    given: dict[str, Any] = {
        "name": "backup",
        "type": "COMMAND",
        "firing": FiringPolicy(overlap=policy),
        "limits": Limits(concurrency=ConcurrencyLimit(limit=1, key=KeyTemplate("k"))),
    }
    if policy.takes_turns:
        with pytest.raises(Invalid, match="leave concurrency out"):
            JobDefinition(**given)
    else:
        JobDefinition(**given)
