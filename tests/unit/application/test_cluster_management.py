"""Executors register, beat, drain and leave; what a session held when it ended goes back."""

from __future__ import annotations

import pytest

from application.shared.wake_up import JUDGEMENTS, OPENINGS, executor_topic, lane_topic
from domain.scheduling.errors import ExecutorDeactivated, ExecutorNotFound, SessionEnded, SessionSuperseded
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import ExecutorId, TaskId
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import EXECUTOR_LOST
from domain.scheduling.task_status import TaskStatus
from tests.builders import EXECUTOR_ID, NOON, SECOND, capability, uid
from tests.unit.application.cluster import INFO, Cluster
from tests.unit.application.documents import command
from tests.unit.application.fakes import ANN

FIRST = Session(executor_id=EXECUTOR_ID, epoch=1)
WAITING, RUNNING = TaskStatus.WAITING_RETRY, TaskStatus.RUNNING


async def start(cluster: Cluster, count: int = 1) -> list[TaskId]:
    """So many tasks that the registered executor runs, with no hints heard yet."""
    await cluster.register()
    await cluster.jobs.create(ANN, command("work", active=True))
    for _ in range(count):
        await cluster.execution.submit(ANN, "work")
    claimed = [handed.task.id for handed in (await cluster.claim()).tasks]
    cluster.wake_up.hints.clear()
    return claimed


def statuses(cluster: Cluster) -> list[TaskStatus]:
    return [task.status for task in cluster.store.tables.tasks.values()]


async def test_a_new_process_begins_the_first_session_and_learns_how_often_to_beat(cluster: Cluster) -> None:
    registered = await cluster.management.register(ANN, EXECUTOR_ID, uid(100), INFO, capability())
    assert (registered.executor_id, registered.epoch) == (EXECUTOR_ID, 1)
    assert registered.liveness.interval == 30 * SECOND
    assert cluster.store.event_types() == ["ExecutorRegistered", "ExecutorOnline"]
    assert executor_topic(EXECUTOR_ID) in cluster.wake_up.topics


async def test_a_process_without_an_id_of_its_own_gets_one(cluster: Cluster) -> None:
    registered = await cluster.management.register(ANN, None, uid(100), INFO, capability())
    assert registered.executor_id == str(uid(1001))


async def test_repeating_a_registration_keeps_the_session_and_what_it_holds(cluster: Cluster) -> None:
    await start(cluster)
    assert await cluster.register() == 1
    assert statuses(cluster) == [RUNNING]


async def test_an_offer_that_changed_with_a_repeated_registration_counts(cluster: Cluster) -> None:
    await start(cluster)
    await cluster.register(offer=capability(slots=3))
    assert (await cluster.sessions.capability(ANN, FIRST)).slots == 3


async def test_a_process_started_anew_gives_back_at_once_what_its_predecessor_held(cluster: Cluster) -> None:
    await start(cluster, 2)
    assert await cluster.register(uid(200)) == 2
    for task in cluster.store.tables.tasks.values():
        assert (task.status, task.lost, task.gate, task.holder) == (WAITING, 1, None, None)
        assert task.error is not None
        assert (task.error.code, task.error.message) == (EXECUTOR_LOST, "its executor was started anew")
    assert {lane_topic(1), OPENINGS} <= cluster.wake_up.topics
    with pytest.raises(SessionSuperseded):
        await cluster.claim(epoch=1)
    assert len((await cluster.claim(epoch=2)).tasks) == 2


async def test_what_a_session_was_stopping_has_stopped_when_it_ends(cluster: Cluster) -> None:
    (task_id,) = await start(cluster)
    await cluster.execution.cancel(ANN, task_id, "enough")
    assert cluster.task(task_id).stopping_until is not None
    await cluster.register(uid(200))
    assert (cluster.task(task_id).status, cluster.task(task_id).stopping_until) == (TaskStatus.CANCELLED, None)


async def test_a_beat_tells_the_time_and_is_known_before_the_store_has_it(cluster: Cluster) -> None:
    tasks = await start(cluster)
    cluster.pass_time(30 * SECOND)
    beat = await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [(tasks[0], 101)])
    assert (beat.now, beat.stop, beat.lost, beat.drain) == (NOON + 30 * SECOND, [], [], False)
    assert cluster.beats.known == {FIRST: NOON + 30 * SECOND}
    assert "count_absences" not in cluster.exchange.calls


async def test_a_beat_brings_orders_to_stop(cluster: Cluster) -> None:
    (task_id,) = await start(cluster)
    await cluster.execution.cancel(ANN, task_id, "enough")
    beat = await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [(task_id, 101)])
    assert [(order.task_id, order.token, order.reason) for order in beat.stop] == [(task_id, 101, "enough")]
    assert beat.lost == []


async def test_a_beat_tells_what_runs_without_a_lease(cluster: Cluster) -> None:
    (task_id,) = await start(cluster)
    unknown = [(task_id, 99), (TaskId(uid(5)), 1)]
    beat = await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [(task_id, 101), *unknown])
    assert beat.lost == unknown


async def test_a_task_absent_from_two_beats_in_a_row_never_arrived_and_goes_back(cluster: Cluster) -> None:
    there, gone = await start(cluster, 2)
    await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [(there, 101)])
    assert statuses(cluster) == [RUNNING, RUNNING]
    await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [(there, 101)])
    assert (cluster.task(there).status, cluster.task(gone).status) == (RUNNING, WAITING)
    assert cluster.task(gone).lost == 1
    assert lane_topic(1) in cluster.wake_up.topics


async def test_a_task_that_is_listed_again_was_only_on_its_way(cluster: Cluster) -> None:
    (task_id,) = await start(cluster)
    for listed in ([], [(task_id, 101)], [], [(task_id, 101)]):
        await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, listed)
    assert cluster.task(task_id).status is RUNNING
    assert cluster.task(task_id).absences == 0


async def test_what_is_to_stop_and_is_absent_from_two_beats_in_a_row_has_stopped(cluster: Cluster) -> None:
    there, gone = await start(cluster, 2)
    for task_id in (there, gone):
        await cluster.execution.cancel(ANN, task_id, "enough")
    cluster.wake_up.hints.clear()
    await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [(there, 101)])
    assert cluster.task(gone).stopping_until is not None, "its claim may just be on its way"
    beat = await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [(there, 101)])
    assert (cluster.task(gone).status, cluster.task(gone).stopping_until) == (TaskStatus.CANCELLED, None)
    assert cluster.task(there).stopping_until is not None
    assert there in {order.task_id for order in beat.stop}
    assert {OPENINGS, JUDGEMENTS} <= cluster.wake_up.topics


async def test_what_is_to_stop_and_listed_again_is_still_stopping(cluster: Cluster) -> None:
    (task_id,) = await start(cluster)
    await cluster.execution.cancel(ANN, task_id, "enough")
    for listed in ([], [(task_id, 101)], [], [(task_id, 101)]):
        await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, listed)
    assert cluster.task(task_id).stopping_until is not None


async def test_a_beat_of_a_session_that_is_over_is_refused(cluster: Cluster) -> None:
    with pytest.raises(ExecutorNotFound):
        await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [])
    await cluster.register()
    await cluster.register(uid(200))
    with pytest.raises(SessionSuperseded):
        await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [])
    await cluster.management.leave(ANN, EXECUTOR_ID, 2)
    with pytest.raises(SessionEnded):
        await cluster.management.heartbeat(ANN, EXECUTOR_ID, 2, [])
    assert cluster.beats.known == {}


async def test_a_usual_beat_is_one_question_to_the_store(cluster: Cluster) -> None:
    (task_id,) = await start(cluster)
    await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [(task_id, 101)], NOON + SECOND)
    cluster.exchange.calls.clear()
    begun = cluster.store.begun
    await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [(task_id, 101)], NOON + SECOND)
    assert (cluster.exchange.calls, cluster.store.begun) == (["hear"], begun)


async def test_a_draining_executor_keeps_its_tasks_and_gets_no_more(cluster: Cluster) -> None:
    await start(cluster)
    await cluster.execution.submit(ANN, "work")
    await cluster.management.drain(ANN, EXECUTOR_ID, "maintenance")
    assert (await cluster.claim()).tasks == []
    assert (await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [])).drain
    assert statuses(cluster) == [RUNNING, TaskStatus.PENDING]
    assert executor_topic(EXECUTOR_ID) in cluster.wake_up.topics
    await cluster.management.activate(ANN, EXECUTOR_ID)
    assert len((await cluster.claim()).tasks) == 1


async def test_an_executor_that_leaves_gives_back_what_it_held(cluster: Cluster) -> None:
    (task_id,) = await start(cluster)
    await cluster.management.leave(ANN, EXECUTOR_ID, 1)
    assert cluster.task(task_id).status is WAITING
    assert {lane_topic(1), OPENINGS, executor_topic(EXECUTOR_ID)} <= cluster.wake_up.topics
    with pytest.raises(SessionEnded):
        await cluster.claim()


async def test_leaving_twice_is_leaving_once(cluster: Cluster) -> None:
    await cluster.register()
    for _ in range(2):
        await cluster.management.leave(ANN, EXECUTOR_ID, 1)
    assert cluster.store.event_types().count("ExecutorOffline") == 1


async def test_an_old_session_cannot_end_the_present_one(cluster: Cluster) -> None:
    await cluster.register()
    await cluster.register(uid(200))
    with pytest.raises(SessionSuperseded):
        await cluster.management.leave(ANN, EXECUTOR_ID, 1)
    assert cluster.store.tables.executors[EXECUTOR_ID].status is ExecutorStatus.ONLINE


async def test_a_deactivated_executor_gives_back_its_tasks_and_stays_out_until_activated(cluster: Cluster) -> None:
    (task_id,) = await start(cluster)
    await cluster.management.deactivate(ANN, EXECUTOR_ID, "broken disk")
    assert cluster.task(task_id).status is WAITING
    with pytest.raises(ExecutorDeactivated, match="broken disk"):
        await cluster.register(uid(200))
    await cluster.management.activate(ANN, EXECUTOR_ID)
    assert await cluster.register(uid(200)) == 2


@pytest.mark.parametrize("verb", ["drain", "deactivate"])
async def test_an_unknown_executor_is_not_found(cluster: Cluster, verb: str) -> None:
    with pytest.raises(ExecutorNotFound):
        await getattr(cluster.management, verb)(ANN, ExecutorId("nobody"), "reason")
