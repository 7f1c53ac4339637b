"""A unit of work is undone unless committed, has one time, and its events stand in the outbox of the same commit."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa

from application.shared.errors import StoreUnavailable
from domain.scheduling.events import JobPaused, OccurrenceDecided
from domain.scheduling.ids import JobId
from infrastructure.clock import SystemClock
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.relation import Statement
from infrastructure.sql.scheduling.tables import jobs, outbox
from infrastructure.sql.scheduling.work import SqlSchedulingWork
from tests.contract.builders import TZDATA, add_job, new_job, rows
from tests.contract.conftest import Begin
from tests.processes import free_port

UNITS = 30


async def test_what_was_not_committed_has_not_happened(begin: Begin, store: Store) -> None:
    async with begin() as work:
        await work.jobs.save(new_job(work.now))
    assert not await rows(store, jobs)
    assert not await rows(store, outbox)


async def test_an_error_inside_undoes_everything_and_comes_out(begin: Begin, store: Store) -> None:
    async def fail() -> None:
        async with begin() as work:
            await work.jobs.save(new_job(work.now))
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await fail()
    assert not await rows(store, jobs)


async def test_a_cancelled_unit_leaves_nothing_and_gives_its_connection_back(begin: Begin, store: Store) -> None:
    reached = asyncio.Event()

    async def hang() -> None:
        async with begin() as work:
            await work.jobs.save(new_job(work.now))
            reached.set()
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(hang())]
    await reached.wait()
    tasks[0].cancel()
    await asyncio.wait(tasks)
    await add_job(begin, "next")
    assert [row.name for row in await rows(store, jobs)] == ["next"]


async def test_the_time_of_a_unit_does_not_move_and_comes_from_the_store(begin: Begin, store: Store) -> None:
    async with begin() as work:
        first = work.now
        if store.dialect == "postgresql":
            assert (await work.execute(sa.select(sa.func.now()))).scalar_one() == first
        await asyncio.sleep(0.002)
        assert work.now is first
    async with begin() as later:
        assert later.now > first
        assert later.now.utcoffset() == timedelta(0)


async def test_events_stand_in_one_outbox_row_in_the_order_they_were_recorded(begin: Begin, store: Store) -> None:
    async with begin() as work:
        work.record([JobPaused(occurred_at=work.now, job_id=JobId(uuid4()), job_name="a", version=1, reason="lunch")])
        job = new_job(work.now, "b")
        await work.jobs.save(job)
        job.activate("ann", work.now)
        await work.jobs.save(job)
        await work.commit()
    (row,) = await rows(store, outbox)
    events = msgspec.json.decode(row.events)
    assert [(e["type"], e["jobName"]) for e in events] == [
        ("JobPaused", "a"),
        ("JobCreated", "b"),
        ("JobActivated", "b"),
    ]
    assert (row._mapping["count"], row.context, row.at) == (3, "scheduling", work.now)
    assert events[0]["reason"] == "lunch"
    assert msgspec.json.decode(msgspec.json.encode(events[0]["occurredAt"]), type=type(work.now)) == work.now


async def test_a_unit_without_events_writes_no_outbox_row(begin: Begin, store: Store) -> None:
    async with begin() as work:
        await work.commit()
    assert not await rows(store, outbox)


async def test_ids_and_instants_of_events_are_text_that_others_can_read(begin: Begin, store: Store) -> None:
    job_id = JobId(uuid4())
    async with begin() as work:
        work.record(
            [
                OccurrenceDecided(
                    occurred_at=work.now,
                    job_id=job_id,
                    fire_key="k",
                    nominal_at=work.now.replace(microsecond=0),
                    decision="FIRED",
                    count=1,
                    task_id=None,
                )
            ]
        )
        await work.commit()
    (row,) = await rows(store, outbox)
    (event,) = msgspec.json.decode(row.events)
    assert event["jobId"] == str(job_id)
    assert event["taskId"] is None
    assert event["nominalAt"] == work.now.strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_compiled_statement_is_part_of_the_transaction(begin: Begin, store: Store) -> None:
    job = await add_job(begin)
    rename = Statement(lambda _: sa.update(jobs).values(name=sa.bindparam("b_name")).returning(jobs.c.id))
    async with begin() as work:
        assert await work.fetch(rename, b_name="renamed") == [(job.id,)]
    assert [row.name for row in await rows(store, jobs)] == ["backup"]
    async with begin() as work:
        await work.fetch(rename, b_name="renamed")
        await work.commit()
    assert [row.name for row in await rows(store, jobs)] == ["renamed"]


async def test_any_number_of_units_at_once_get_through(begin: Begin, store: Store) -> None:
    await asyncio.gather(*(add_job(begin, f"job-{n}") for n in range(UNITS)))
    assert len(await rows(store, jobs)) == UNITS


async def test_two_processes_on_one_store_wait_for_each_other(store_url: str, begin: Begin, store: Store) -> None:
    other = open_store(store_url, SystemClock())
    try:
        begins = (begin, lambda: SqlSchedulingWork(other, TZDATA))
        await asyncio.gather(*(add_job(begins[n % 2], f"job-{n}") for n in range(UNITS)))
    finally:
        await other.dispose()
    assert len(await rows(store, jobs)) == UNITS


async def test_a_server_that_is_not_there_is_an_unavailable_store() -> None:
    store = open_store(f"postgresql://nobody@127.0.0.1:{free_port()}/none", SystemClock())
    with pytest.raises(StoreUnavailable, match="store is not available"):
        async with SqlSchedulingWork(store, TZDATA):
            pass
    assert store.hot is not None
    with pytest.raises(StoreUnavailable):
        await store.hot.fetch("select 1")
    await store.dispose()


async def test_a_file_that_cannot_be_opened_is_an_unavailable_store(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/missing/store.sqlite", SystemClock())
    with pytest.raises(StoreUnavailable, match="unable to open"):
        async with SqlSchedulingWork(store, TZDATA):
            pass
    await store.dispose()


async def test_a_file_that_is_no_database_is_an_unavailable_store(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"somebody's notes, not a database of anything" * 100)
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite", SystemClock())
    with pytest.raises(StoreUnavailable, match="not a database"):
        async with SqlSchedulingWork(store, TZDATA):
            pass
    await store.dispose()


async def test_a_server_that_does_not_let_us_in_is_an_unavailable_store(postgres_url: str) -> None:
    store = open_store(postgres_url.replace("//postgres@", "//somebody-else@"), SystemClock())
    assert store.hot is not None
    with pytest.raises(StoreUnavailable, match="somebody-else"):
        async with SqlSchedulingWork(store, TZDATA):
            pass
    with pytest.raises(StoreUnavailable, match="somebody-else"):
        await store.hot.fetch("select 1")
    await store.dispose()


async def test_a_lost_connection_ends_its_unit_and_no_other(postgres_url: str) -> None:
    store = open_store(postgres_url, SystemClock())
    other = open_store(postgres_url, SystemClock())
    kill_others = sa.text(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )

    async def lose_the_connection() -> None:
        async with SqlSchedulingWork(store, TZDATA) as work:
            await work.jobs.save(new_job(work.now))
            async with other.engine.begin() as connection:
                await connection.execute(kill_others)
            await work.commit()

    with pytest.raises(StoreUnavailable):
        await lose_the_connection()
    assert not await rows(store, jobs)
    async with SqlSchedulingWork(store, TZDATA) as work:
        await work.jobs.save(new_job(work.now))
        await work.commit()
    assert store.hot is not None
    assert [row["n"] for row in await store.hot.fetch("select count(*) as n from jobs")] == [1]
    await store.dispose()
    await other.dispose()


async def test_sqlite_keeps_what_it_has_confirmed_and_its_readers_cannot_write(sqlite_url: str) -> None:
    store = open_store(sqlite_url, SystemClock())
    async with store.engine.connect() as connection:
        pragmas = {
            name: (await connection.exec_driver_sql(f"pragma {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    full = 2
    assert pragmas == {"journal_mode": "wal", "synchronous": full, "foreign_keys": 1}
    async with store.reader.connect() as connection:
        with pytest.raises(sa.exc.OperationalError, match="readonly"):
            await connection.execute(sa.delete(jobs))
    await store.dispose()


async def test_a_statement_that_fails_does_not_show_what_it_was_given(store: Store, begin: Begin) -> None:
    async with begin() as work:
        with pytest.raises(sa.exc.DBAPIError) as failure:
            await work.execute(sa.text("select :password from nowhere"), {"password": "1234"})
    assert "nowhere" in str(failure.value)
    assert "1234" not in str(failure.value)


@pytest.mark.parametrize("url", ["mysql://h/d", "sqlite://", "sqlite:///:memory:", "postgresql//u:secret@h/d", ""])
def test_an_address_of_another_kind_is_refused_and_no_password_shown(url: str) -> None:
    with pytest.raises(ValueError, match=r"postgresql://….*sqlite:///FILE") as refusal:
        open_store(url, SystemClock())
    assert "secret" not in str(refusal.value)
