"""Executors are kept with their present session; beats move forward only, silence is taken once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.scheduling.errors import ExecutorNotFound, StaleVersion
from domain.scheduling.executor import Executor, ExecutorStatus, HostInfo
from domain.scheduling.ids import ExecutorId
from domain.scheduling.placement import Capability
from domain.scheduling.ports.task_queue import Session
from domain.shared.ids import DEFAULT_TENANT, TenantId
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.tables import executors, outbox
from tests.contract.builders import MINUTE, rows
from tests.contract.conftest import Begin

COMMANDS = Capability(types=frozenset({"COMMAND"}))
HERE = HostInfo(host="h1", version="0.1.0")


async def register(
    begin: Begin, name: str, instance: UUID | None = None, capability: Capability = COMMANDS
) -> Executor:
    async with begin() as work:
        executor = await work.executors.find(DEFAULT_TENANT, ExecutorId(name))
        instance = instance or uuid4()
        if executor is None:
            executor = Executor.register(ExecutorId(name), DEFAULT_TENANT, instance, HERE, capability, work.now)
        else:
            executor.register_again(instance, HERE, capability, work.now)
        await work.executors.save(executor)
        await work.commit()
    return executor


async def get(begin: Begin, name: str) -> Executor:
    async with begin() as work:
        return await work.executors.get(DEFAULT_TENANT, ExecutorId(name))


async def beat(begin: Begin, beats: dict[Session, datetime]) -> None:
    async with begin() as work:
        await work.executors.record_beats(beats)
        await work.commit()


async def test_an_executor_comes_back_as_it_was_saved(begin: Begin) -> None:
    offer = Capability(
        pool="night",
        labels={"os": "linux", "zone": "ü"},
        types=frozenset({"COMMAND", "PYTHON"}),
        handlers=frozenset({"reports.daily"}),
        slots=7,
    )
    saved = await register(begin, "e1", capability=offer)
    found = await get(begin, "e1")
    assert found.capability == offer
    for field in ("id", "tenant", "status", "instance_id", "epoch", "info", "registered_at", "last_heartbeat_at"):
        assert getattr(found, field) == getattr(saved, field)
    assert (found.deactivated, found.status_reason) == (False, None)


async def test_a_later_session_replaces_the_earlier_one(begin: Begin, store: Store) -> None:
    await register(begin, "e1")
    later = await register(begin, "e1")
    found = await get(begin, "e1")
    assert (found.epoch, found.instance_id) == (2, later.instance_id)
    assert len(await rows(store, executors)) == 1
    assert len(await rows(store, outbox)) == 2


async def test_an_executor_of_another_tenant_is_unknown(begin: Begin) -> None:
    await register(begin, "e1")
    async with begin() as work:
        assert await work.executors.find(TenantId("elsewhere"), ExecutorId("e1")) is None
        with pytest.raises(ExecutorNotFound, match="'e1'"):
            await work.executors.get(TenantId("elsewhere"), ExecutorId("e1"))


async def test_saving_what_has_changed_meanwhile_is_refused(begin: Begin) -> None:
    await register(begin, "e1")
    outdated = await get(begin, "e1")
    await register(begin, "e1")
    async with begin() as work:
        outdated.leave(work.now)
        with pytest.raises(StaleVersion, match="e1"):
            await work.executors.save(outdated)


async def test_of_two_that_register_a_new_id_at_once_one_is_told_to_try_again(begin: Begin) -> None:
    async def register_unseen() -> None:
        async with begin() as work:
            executor = Executor.register(ExecutorId("e1"), DEFAULT_TENANT, uuid4(), HERE, COMMANDS, work.now)
            await work.executors.save(executor)
            await work.commit()

    results = await asyncio.gather(*(register_unseen() for _ in range(4)), return_exceptions=True)
    assert sorted(type(r).__name__ for r in results) == ["NoneType", "StaleVersion", "StaleVersion", "StaleVersion"]


async def test_beats_move_the_last_heartbeat_forward_and_never_back(begin: Begin) -> None:
    e1, e2 = await register(begin, "e1"), await register(begin, "e2")
    later = e1.last_heartbeat_at + MINUTE
    await beat(begin, {Session(executor_id=e.id, epoch=1): later for e in (e1, e2)})
    await beat(begin, {Session(executor_id=e1.id, epoch=1): later - timedelta(seconds=1)})
    assert (await get(begin, "e1")).last_heartbeat_at == later
    assert (await get(begin, "e2")).last_heartbeat_at == later


async def test_beats_of_sessions_that_are_over_or_unknown_change_nothing(begin: Begin) -> None:
    await register(begin, "e1")
    second = await register(begin, "e1")
    gone = await register(begin, "e2")
    async with begin() as work:
        found = await work.executors.get(DEFAULT_TENANT, gone.id)
        found.leave(work.now)
        await work.executors.save(found)
        await work.commit()
    at = second.last_heartbeat_at + MINUTE
    sessions = [(ExecutorId("e1"), 1), (ExecutorId("e2"), 1), (ExecutorId("e3"), 1)]
    await beat(begin, {Session(executor_id=e, epoch=n): at for e, n in sessions})
    assert (await get(begin, "e1")).last_heartbeat_at == second.last_heartbeat_at
    assert (await get(begin, "e2")).last_heartbeat_at == gone.last_heartbeat_at


async def test_no_beats_are_no_statement(begin: Begin) -> None:
    await beat(begin, {})


async def test_beats_of_the_same_executors_from_many_nodes_do_not_stand_in_each_others_way(begin: Begin) -> None:
    names = [f"e{n}" for n in range(20)]
    registered = [await register(begin, name) for name in names]
    at = registered[-1].last_heartbeat_at

    def beats(n: int) -> dict[Session, datetime]:
        order = registered if n % 2 else registered[::-1]
        return {Session(executor_id=e.id, epoch=1): at + n * MINUTE for e in order}

    await asyncio.gather(*(beat(begin, beats(n)) for n in range(1, 9)))
    assert {(await get(begin, name)).last_heartbeat_at for name in names} == {at + 8 * MINUTE}


async def test_silent_sessions_are_taken_the_longest_silent_first_and_ended_ones_never(begin: Begin) -> None:
    names = ["fresh", "silent", "left", "longest"]
    registered = {name: await register(begin, name) for name in names}
    base = max(e.last_heartbeat_at for e in registered.values())
    ages = {"fresh": 10, "silent": 3, "left": 2, "longest": 1}
    await beat(begin, {Session(executor_id=registered[n].id, epoch=1): base + m * MINUTE for n, m in ages.items()})
    async with begin() as work:
        left = await work.executors.get(DEFAULT_TENANT, ExecutorId("left"))
        left.leave(work.now)
        await work.executors.save(left)
        await work.commit()
    async with begin() as work:
        silent = await work.executors.take_silent(base + 5 * MINUTE, 10)
        assert [e.id for e in silent] == ["longest", "silent"]
        assert [e.id for e in await work.executors.take_silent(base + 5 * MINUTE, 1)] == ["longest"]
        assert not await work.executors.take_silent(base + MINUTE, 10)


async def test_a_silent_session_is_lost_once_however_many_notice(begin: Begin, store: Store) -> None:
    silent = [await register(begin, f"e{n}") for n in range(6)]
    since = silent[-1].last_heartbeat_at + MINUTE

    async def reap() -> int:
        async with begin() as work:
            taken = await work.executors.take_silent(since, 4)
            for executor in taken:
                executor.lose(executor.last_heartbeat_at, work.now)
                await work.executors.save(executor)
            await work.commit()
            return len(taken)

    counts = await asyncio.gather(*(reap() for _ in range(8)))
    assert sum(counts) + await reap() == len(silent)
    assert {row.status for row in await rows(store, executors)} == {ExecutorStatus.OFFLINE}
