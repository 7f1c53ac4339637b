"""The life of a job: what may be done to it in which state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.scheduling.errors import IllegalJobState, JobUnreadable
from domain.scheduling.events import JobEvent
from domain.scheduling.job import ALLOWED_ACTIONS, Job, JobStatus
from domain.scheduling.placement import Lane, Placement
from domain.shared.ids import DEFAULT_TENANT
from tests.builders import HOUR, JOB_ID, NOON, definition, job

LATER = NOON + HOUR

LIFE = {
    ("activate", "CREATED"): "ACTIVE",
    ("activate", "ACTIVE"): "no-op",
    ("activate", "PAUSED"): "refused",
    ("activate", "DISABLED"): "ACTIVE",
    ("activate", "DELETED"): "refused",
    ("pause", "CREATED"): "refused",
    ("pause", "ACTIVE"): "PAUSED",
    ("pause", "PAUSED"): "no-op",
    ("pause", "DISABLED"): "refused",
    ("pause", "DELETED"): "refused",
    ("resume", "CREATED"): "refused",
    ("resume", "ACTIVE"): "no-op",
    ("resume", "PAUSED"): "ACTIVE",
    ("resume", "DISABLED"): "refused",
    ("resume", "DELETED"): "refused",
    ("disable", "CREATED"): "DISABLED",
    ("disable", "ACTIVE"): "DISABLED",
    ("disable", "PAUSED"): "DISABLED",
    ("disable", "DISABLED"): "no-op",
    ("disable", "DELETED"): "refused",
    ("delete", "CREATED"): "DELETED",
    ("delete", "ACTIVE"): "DELETED",
    ("delete", "PAUSED"): "DELETED",
    ("delete", "DISABLED"): "DELETED",
    ("delete", "DELETED"): "no-op",
}
EVENTS = {
    ("activate", "ACTIVE"): "JobActivated",
    ("pause", "PAUSED"): "JobPaused",
    ("resume", "ACTIVE"): "JobResumed",
    ("disable", "DISABLED"): "JobDisabled",
    ("delete", "DELETED"): "JobDeleted",
}
REASONS = {"pause": "holidays", "disable": "broken"}


def act(on: Job, verb: str) -> bool:
    """Whether the verb did anything."""
    before = on.status
    match verb:
        case "activate":
            return on.activate("bob", LATER)
        case "pause":
            return on.pause(REASONS[verb], "bob", LATER)
        case "resume":
            return on.resume("bob", LATER)
        case "disable":
            return on.disable(REASONS[verb], "bob", LATER)
    on.delete("bob", LATER)
    return on.status is not before


def cases(outcome: str) -> list[tuple[str, str]]:
    return [case for case, becomes in LIFE.items() if becomes == outcome]


@pytest.mark.parametrize(("verb", "status"), [case for case, to in LIFE.items() if to in JobStatus.__members__])
def test_a_verb_that_is_allowed_moves_the_job_and_says_so(verb: str, status: str) -> None:
    moved, target = job(JobStatus(status)), LIFE[verb, status]
    assert act(moved, verb)
    assert (moved.status, moved.status_reason) == (target, REASONS.get(verb))
    assert (moved.updated_at, moved.updated_by, moved.created_by) == (LATER, "bob", "ann")
    (event,) = moved.release_events()
    assert isinstance(event, JobEvent)
    assert (event.type, event.occurred_at, event.reason) == (EVENTS[verb, target], LATER, REASONS.get(verb))
    assert (event.job_id, event.job_name, event.version) == (JOB_ID, "backup", 1)


@pytest.mark.parametrize(("verb", "status"), cases("no-op"))
def test_a_verb_that_is_satisfied_already_changes_nothing(verb: str, status: str) -> None:
    same = job(JobStatus(status))
    reason = same.status_reason
    assert not act(same, verb)
    assert (same.status, same.status_reason, same.updated_by) == (status, reason, "ann")
    assert same.release_events() == []


@pytest.mark.parametrize(("verb", "status"), cases("refused"))
def test_a_verb_that_is_impossible_is_refused_with_the_verbs_that_are_allowed(verb: str, status: str) -> None:
    stuck = job(JobStatus(status))
    with pytest.raises(IllegalJobState, match=f"is {status}; it cannot {verb}") as refused:
        act(stuck, verb)
    assert (refused.value.current_status, refused.value.allowed_actions) == (status, stuck.allowed_actions)
    assert verb not in stuck.allowed_actions
    assert (stuck.status, stuck.release_events()) == (status, [])


def test_the_allowed_verbs_are_those_that_move_the_job() -> None:
    for status in JobStatus:
        moving = {verb for (verb, source), to in LIFE.items() if source == status and to in JobStatus.__members__}
        assert moving == set(ALLOWED_ACTIONS[status]) & {"activate", "pause", "resume", "disable", "delete"}


@pytest.mark.parametrize("status", JobStatus)
def test_somebody_may_run_a_job_while_it_is_active_or_paused(status: JobStatus) -> None:
    if status in (JobStatus.ACTIVE, JobStatus.PAUSED):
        job(status).require_runnable()
    else:
        with pytest.raises(IllegalJobState):
            job(status).require_runnable()


def test_a_deleted_job_tells_that_nothing_is_left_to_do() -> None:
    with pytest.raises(IllegalJobState, match="It allows nothing more"):
        job(JobStatus.DELETED).activate("bob", LATER)


def test_a_new_job_fires_only_once_it_is_activated() -> None:
    new = Job.create(JOB_ID, DEFAULT_TENANT, definition(), "ann", NOON)
    assert (new.status, new.definition_version, new.version) == (JobStatus.CREATED, 1, 0)
    assert [event.type for event in new.release_events()] == ["JobCreated"]
    assert new.release_events() == []


@pytest.mark.parametrize("status", [s for s in JobStatus if s is not JobStatus.DELETED])
def test_a_new_definition_is_the_next_version_in_every_state(status: JobStatus) -> None:
    changed = job(status)
    assert changed.redefine(definition(description="nightly"), "bob", LATER)
    assert (changed.definition_version, changed.status, changed.updated_by) == (2, status, "bob")
    (event,) = changed.release_events()
    assert isinstance(event, JobEvent)
    assert (event.type, event.version) == ("JobUpdated", 2)


def test_a_definition_that_says_the_same_is_no_new_version() -> None:
    same = job()
    assert not same.redefine(definition(), "bob", LATER)
    assert (same.definition_version, same.updated_by, same.release_events()) == (1, "ann", [])


@pytest.mark.parametrize(("before", "after"), [(1, True), (True, 1), (0, False), (1, 1.0), ([1], [True])])
def test_parameters_that_only_python_takes_for_equal_are_a_new_version(before: object, after: object) -> None:
    changed = job(parameters={"x": before})
    assert changed.redefine(definition(parameters={"x": after}), "bob", LATER)
    assert changed.definition.parameters == {"x": after}


def test_a_deleted_job_takes_no_new_definition() -> None:
    with pytest.raises(IllegalJobState, match="cannot update"):
        job(JobStatus.DELETED).redefine(definition(description="nightly"), "bob", LATER)


def test_the_lane_of_a_job_follows_from_its_definition() -> None:
    placement = Placement(pool="gpu", requires={"zone": "b", "arch": "arm64"})
    placed = job(type="PYTHON", handler="mail.send", placement=placement)
    assert placed.lane == Lane(
        tenant=DEFAULT_TENANT,
        pool="gpu",
        type="PYTHON",
        handler="mail.send",
        requires=(("arch", "arm64"), ("zone", "b")),
    )
    turned = replace(placement, requires={"arch": "arm64", "zone": "b"})
    assert job(type="PYTHON", handler="mail.send", placement=turned).lane == placed.lane


def test_a_job_whose_definition_cannot_be_used_is_put_away_but_not_set_going() -> None:
    ill = job(JobStatus.ACTIVE)
    ill.unreadable = "No such zone."
    for away, back in (("pause", "resume"), ("disable", "activate")):
        assert act(ill, away)
        was = ill.status
        with pytest.raises(JobUnreadable, match=r"No such zone\."):
            act(ill, back)
        assert ill.status is was
    assert act(ill, "delete")


def test_any_definition_makes_a_job_well_whose_own_cannot_be_used() -> None:
    ill = job(JobStatus.ACTIVE)
    ill.unreadable = "No such zone."
    before = ill.definition_version
    assert ill.redefine(ill.definition, "ann", NOON)
    ill.require_readable()
    assert ill.definition_version == before + 1
