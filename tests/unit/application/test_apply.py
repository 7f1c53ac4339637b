"""Making jobs be as their documents say, each for itself."""

from __future__ import annotations

import json

import pytest

from application.scheduling.job_management import Applied
from application.shared.errors import StoreUnavailable
from domain.scheduling.job import JobStatus
from domain.shared.errors import Invalid
from tests.builders import HOUR, NOON
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import text
from tests.unit.application.fakes import ANN

HOURLY = {"type": "CRON", "expression": "@hourly"}


async def apply(cluster: Cluster, *documents: bytes, dry_run: bool = False) -> list[Applied]:
    return await cluster.jobs.apply(ANN, documents, dry_run)


async def test_what_is_new_is_created_and_what_says_the_same_stays(cluster: Cluster) -> None:
    (created,) = await apply(cluster, text(active=True, trigger=HOURLY))
    assert (created.name, created.action, created.next_fire_at) == ("backup", "CREATED", NOON + HOUR)
    (unchanged,) = await apply(cluster, text(active=True, trigger=HOURLY))
    assert unchanged == Applied(
        name="backup", action="UNCHANGED", job_id=created.job_id, next_fire_at=NOON + HOUR, problem=None
    )


async def test_what_says_something_else_is_updated(cluster: Cluster) -> None:
    (created,) = await apply(cluster, text(trigger=HOURLY))
    (updated,) = await apply(cluster, text(trigger={"type": "CRON", "expression": "30 * * * *"}))
    assert (updated.action, updated.job_id, updated.next_fire_at) == ("UPDATED", created.job_id, None)


async def test_a_job_that_was_never_started_is_started_when_its_document_says_so(cluster: Cluster) -> None:
    await apply(cluster, text(trigger=HOURLY))
    (updated,) = await apply(cluster, text(trigger=HOURLY, active=True))
    assert (updated.action, updated.next_fire_at) == ("UPDATED", NOON + HOUR)


@pytest.mark.parametrize("verb", ["pause", "disable"])
async def test_a_job_that_somebody_stopped_stays_stopped(cluster: Cluster, verb: str) -> None:
    await apply(cluster, text(trigger=HOURLY, active=True))
    await getattr(cluster.jobs, verb)(ANN, "backup", "holidays")
    (applied,) = await apply(cluster, text(trigger=HOURLY, active=True))
    assert (applied.action, applied.next_fire_at) == ("UNCHANGED", None)


async def test_a_job_that_its_document_leaves_out_of_use_is_not_stopped(cluster: Cluster) -> None:
    await apply(cluster, text(trigger=HOURLY, active=True))
    (applied,) = await apply(cluster, text(trigger=HOURLY))
    assert (applied.action, applied.next_fire_at) == ("UNCHANGED", NOON + HOUR)


async def test_a_document_that_is_refused_holds_up_no_other(cluster: Cluster) -> None:
    results = await apply(
        cluster,
        text("first"),
        text("second", priority=11),
        b'{"name": "third"',
        b"[]",
        text("fifth", parameters={"command": []}),
        text("sixth"),
    )
    assert [(r.name, r.action) for r in results] == [
        ("first", "CREATED"), ("second", "FAILED"), ("", "FAILED"), ("", "FAILED"), ("fifth", "FAILED"),
        ("sixth", "CREATED"),
    ]  # fmt: skip
    problems = [r.problem for r in results if isinstance(r.problem, Invalid)]
    assert [p.problems[0].pointer for p in problems] == ["/priority", "", "", "/parameters/command"]
    assert all(r.job_id is None for r in results if r.action == "FAILED")


@pytest.mark.parametrize(
    "text_", [b"\xff", b'{"name":"\xff"}', b'{"name":7}', b'{"name":"a","parameters":' + b'{"a":' * 100_000]
)
async def test_a_text_that_nobody_can_read_fails_without_a_name(cluster: Cluster, text_: bytes) -> None:
    (failed,) = await apply(cluster, text_)
    assert (failed.name, failed.action) == ("", "FAILED")


async def test_a_dry_run_says_what_would_be_and_changes_nothing(cluster: Cluster) -> None:
    (existing,) = await apply(cluster, text("old"))
    before = cluster.store.tables.copied()
    created, updated = await apply(cluster, text("new", active=True), text("old", priority=9), dry_run=True)
    assert (created.action, created.job_id) == ("CREATED", None)
    assert (updated.action, updated.job_id) == ("UPDATED", existing.job_id)
    assert cluster.store.tables == before
    assert cluster.wake_up.topics


async def test_one_name_twice_ends_as_the_last_document_says(cluster: Cluster) -> None:
    results = await apply(cluster, text(), text(priority=9), text(priority=9))
    assert [r.action for r in results] == ["CREATED", "UPDATED", "UNCHANGED"]


async def test_a_store_that_is_gone_is_nobodys_mistake(cluster: Cluster) -> None:
    def unavailable(_tables: object) -> None:
        raise StoreUnavailable("connection refused")

    cluster.store.before_commit = unavailable
    with pytest.raises(StoreUnavailable):
        await apply(cluster, text())


async def test_what_was_applied_is_kept_as_it_was_said(cluster: Cluster) -> None:
    document = {"type": "COMMAND", "name": "x", "parameters": {"command": "ls"}, "tags": ["a"], "owner": "ann"}
    (applied,) = await apply(cluster, json.dumps(document).encode())
    assert applied.job_id is not None
    job = cluster.store.tables.jobs[applied.job_id]
    assert (job.status, job.definition.tags, job.definition.owner) == (JobStatus.CREATED, ("a",), "ann")
