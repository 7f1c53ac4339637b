"""Executors and their sessions, one for each life of the process."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.errors import ExecutorDeactivated, SessionEnded, SessionSuperseded
from domain.scheduling.events import ExecutorEvent
from domain.scheduling.executor import Executor, ExecutorStatus, HostInfo, Liveness
from domain.shared.errors import Conflict, Invalid
from domain.shared.ids import DEFAULT_TENANT
from tests.builders import EXECUTOR_ID, HOUR, MINUTE, NOON, SECOND, capability, executor, uid

FIRST, SECOND_INSTANCE = uid(100), uid(200)
INFO = HostInfo(host="host-2", version="0.2.0")
OFFER = capability(slots=5)
LATER = NOON + HOUR
ONLINE, DRAINING, OFFLINE = ExecutorStatus.ONLINE, ExecutorStatus.DRAINING, ExecutorStatus.OFFLINE


def events(of: Executor) -> list[tuple[str, int, str | None]]:
    """Type, epoch and reason of what was recorded."""
    found = [e for e in of.release_events() if isinstance(e, ExecutorEvent)]
    assert all(e.executor_id == EXECUTOR_ID for e in found)
    return [(e.type, e.epoch, e.reason) for e in found]


def test_a_process_that_registers_is_online_in_its_first_session() -> None:
    new = Executor.register(EXECUTOR_ID, DEFAULT_TENANT, FIRST, INFO, OFFER, NOON)
    assert (new.status, new.epoch, new.last_heartbeat_at, new.may_claim) == (ONLINE, 1, NOON, True)
    assert events(new) == [("ExecutorRegistered", 1, None), ("ExecutorOnline", 1, None)]
    new.require_session(1)


@pytest.mark.parametrize("status", [ONLINE, DRAINING])
def test_repeating_a_registration_keeps_the_session(status: ExecutorStatus) -> None:
    known = executor(status)
    assert known.register_again(FIRST, INFO, OFFER, LATER) is None
    assert (known.epoch, known.status, known.info, known.capability) == (1, status, INFO, OFFER)
    assert known.last_heartbeat_at == LATER
    assert events(known) == []


@pytest.mark.parametrize("status", [ONLINE, DRAINING, OFFLINE])
def test_another_process_under_the_same_id_begins_a_new_session_and_ends_the_old(status: ExecutorStatus) -> None:
    known = executor(status)
    assert known.register_again(SECOND_INSTANCE, INFO, OFFER, LATER) == 1
    assert (known.epoch, known.status, known.status_reason) == (2, ONLINE, None)
    assert (known.instance_id, known.info, known.capability) == (SECOND_INSTANCE, INFO, OFFER)
    assert events(known) == [("ExecutorOnline", 2, None)]


def test_a_process_whose_session_is_over_begins_a_new_one() -> None:
    known = executor(OFFLINE)
    assert known.register_again(FIRST, INFO, OFFER, LATER) == 1
    assert (known.epoch, known.status) == (2, ONLINE)


def test_a_call_of_an_older_session_is_told_that_it_was_superseded() -> None:
    known = executor()
    known.register_again(SECOND_INSTANCE, INFO, OFFER, LATER)
    with pytest.raises(SessionSuperseded, match=r"Session 1 .* was replaced by session 2"):
        known.require_session(1)
    known.require_session(2)


def test_a_call_after_the_end_of_the_session_is_told_why_it_ended() -> None:
    with pytest.raises(SessionEnded, match="it left"):
        executor(OFFLINE).require_session(1)


def test_a_draining_session_lives_on_but_claims_nothing() -> None:
    known = executor()
    known.drain("maintenance", LATER)
    assert (known.status, known.may_claim, known.status_reason) == (DRAINING, False, "maintenance")
    assert events(known) == [("ExecutorDraining", 1, "maintenance")]
    known.require_session(1)


@pytest.mark.parametrize("status", [DRAINING, OFFLINE])
def test_draining_what_is_not_online_does_nothing(status: ExecutorStatus) -> None:
    known = executor(status)
    reason = known.status_reason
    known.drain("again", LATER)
    assert (known.status, known.status_reason, events(known)) == (status, reason, [])


def test_activating_a_draining_executor_lets_it_claim_again() -> None:
    known = executor(DRAINING)
    known.activate(LATER)
    assert (known.status, known.status_reason, known.may_claim) == (ONLINE, None, True)
    assert events(known) == [("ExecutorOnline", 1, None)]


@pytest.mark.parametrize("status", [ONLINE, OFFLINE])
def test_activating_another_changes_no_session(status: ExecutorStatus) -> None:
    known = executor(status)
    known.activate(LATER)
    assert (known.status, events(known)) == (status, [])


def test_an_executor_that_leaves_is_offline_and_leaving_again_changes_nothing() -> None:
    known = executor()
    known.leave(LATER)
    known.leave(LATER + HOUR)
    assert (known.status, known.status_reason) == (OFFLINE, "it left")
    assert events(known) == [("ExecutorOffline", 1, "it left")]


def test_a_silent_executor_is_lost_once() -> None:
    known = executor()
    known.lose(NOON, LATER)
    known.lose(NOON, LATER + HOUR)
    why = f"no heartbeat since {NOON.isoformat()}"
    assert (known.status, known.status_reason) == (OFFLINE, why)
    assert events(known) == [("ExecutorOffline", 1, why), ("ExecutorLost", 1, why)]


@pytest.mark.parametrize("status", [ONLINE, DRAINING, OFFLINE])
def test_a_deactivated_executor_is_offline_and_may_not_register(status: ExecutorStatus) -> None:
    known = executor(status)
    known.deactivate("broken disk", LATER)
    assert (known.status, known.status_reason) == (OFFLINE, "broken disk")
    for instance in (FIRST, SECOND_INSTANCE):
        with pytest.raises(ExecutorDeactivated, match="broken disk") as refused:
            known.register_again(instance, INFO, OFFER, LATER)
        assert refused.value.allowed_actions == ("activate",)


def test_once_activated_it_may_register_again() -> None:
    known = executor()
    known.deactivate("broken disk", LATER)
    known.activate(LATER)
    assert known.register_again(SECOND_INSTANCE, INFO, OFFER, LATER) == 1
    assert (known.epoch, known.status, known.status_reason) == (2, ONLINE, None)


deeds = st.sampled_from(["register", "register anew", "drain", "activate", "leave", "lose", "deactivate"])


@given(st.lists(deeds, max_size=30))
def test_whatever_happens_an_epoch_names_one_life_and_only_the_present_one_may_call(done: list[str]) -> None:
    known, instances = executor(), 1000
    for deed in done:
        epoch, was, instance = known.epoch, known.status, known.instance_id
        try:
            match deed:
                case "register":
                    known.register_again(known.instance_id, INFO, OFFER, LATER)
                case "register anew":
                    instances += 1
                    known.register_again(uid(instances), INFO, OFFER, LATER)
                case "drain":
                    known.drain("maintenance", LATER)
                case "activate":
                    known.activate(LATER)
                case "leave":
                    known.leave(LATER)
                case "lose":
                    known.lose(NOON, LATER)
                case "deactivate":
                    known.deactivate("broken disk", LATER)
        except ExecutorDeactivated:
            assert known.deactivated
        assert known.epoch - epoch in (0, 1)
        if known.epoch == epoch:
            assert known.instance_id == instance
            assert not (was is OFFLINE and known.status is not OFFLINE), "only a new session comes back"
        assert not known.deactivated or known.status is OFFLINE
        for old in range(1, known.epoch):
            with pytest.raises(SessionSuperseded):
                known.require_session(old)
        if known.status is OFFLINE:
            with pytest.raises(Conflict):
                known.require_session(known.epoch)
        else:
            known.require_session(known.epoch)


def test_a_session_that_has_never_been_is_not_called_superseded() -> None:
    with pytest.raises(SessionEnded, match="there is no session 2, the latest is 1"):
        executor().require_session(2)


def test_by_default_an_executor_beats_every_thirty_seconds_and_is_lost_after_two_minutes() -> None:
    assert Liveness() == Liveness(interval=30 * SECOND, timeout=2 * MINUTE)


@pytest.mark.parametrize(
    ("interval", "timeout"), [(SECOND, 3 * SECOND - timedelta.resolution), (timedelta(0), MINUTE), (-SECOND, SECOND)]
)
def test_a_timeout_leaves_room_for_three_beats(interval: timedelta, timeout: timedelta) -> None:
    with pytest.raises(Invalid, match="at least three heartbeat intervals"):
        Liveness(interval=interval, timeout=timeout)
    Liveness(interval=SECOND, timeout=3 * SECOND)
