"""What an executor does with its leases besides ending them, and what becomes of those it has lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest

from domain.scheduling.ids import ExecutorId, TaskId
from domain.scheduling.ports.task_exchange import HeldLease, Lease, LogBatch, Standing
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import EXECUTION_TIMEOUT, ReportOutcome, complete, fail, lose, snooze, time_out
from domain.scheduling.settlement import cancel as cancelled
from domain.scheduling.task import TaskError
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from domain.shared.json_value import JsonText
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.task_tables import orphan_results, task_attempts, task_history, task_logs, tasks
from tests.contract.builders import rows
from tests.contract.hot_tasks import FLAKY, Begin, HotTasks, ended, leases

ALREADY, LEASE_LOST, INVALID = ReportOutcome.ALREADY, ReportOutcome.LEASE_LOST, ReportOutcome.INVALID
FAILED = TaskStatus.FAILED
NOBODY = Session(executor_id=ExecutorId("nobody"), epoch=1)
TOO_LONG = TaskError(EXECUTION_TIMEOUT, "it took too long")
ONE = JsonText("1")


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def cancel(hot: HotTasks, task_id: TaskId, reason: str | None = "changed our mind") -> None:
    async with hot.begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, task_id)
        task.cancel(reason, work.now)
        await work.tasks.save(task)
        await work.commit()


async def end_for_taking_too_long(hot: HotTasks, session: Session) -> None:
    async with hot.begin() as work:
        held = await work.queue.take_held(session)
        assert await work.queue.settle([time_out(attempt, TOO_LONG, work.now, 0.5) for attempt in held])
        await work.commit()


async def held_by(hot: HotTasks, session: Session) -> Sequence[HeldLease]:
    return (await hot.exchange.hear(DEFAULT_TENANT, session)).held


def lines(*messages: str) -> JsonText:
    at = "2031-05-04T12:00:00Z"
    text = [{"at": at, "level": "INFO", "stream": "stdout", "message": message} for message in messages]
    return JsonText(msgspec.json.encode(text).decode())


def batch(lease: Lease, sequence: int, *messages: str) -> LogBatch:
    return LogBatch(task_id=lease[0], token=lease[1], sequence=sequence, lines=lines(*messages))


async def test_a_start_is_written_once_and_told_again(hot: HotTasks) -> None:
    session = await hot.session()
    first, second = await hot.running(session, 2, started=False)
    assert await hot.exchange.start(session, [first]) == {first[0]}
    row = await hot.live(first[0])
    assert row.status == "RUNNING"
    assert row.started_at >= row.claimed_at
    assert await hot.exchange.start(session, [first, second]) == {first[0], second[0]}
    assert (await hot.live(first[0])).started_at == row.started_at


async def test_nobody_starts_what_another_holds(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session, started=False)
    assert await hot.exchange.start(NOBODY, [lease]) == frozenset()
    assert await hot.exchange.start(session, [(lease[0], lease[1] + 1), (TaskId(uuid4()), 1)]) == frozenset()
    assert (await hot.live(lease[0])).status == "ASSIGNED"


async def test_a_cancelled_attempt_is_told_to_stop_and_leaves_when_it_has(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    await cancel(hot, lease[0])
    (order,) = (await hot.exchange.exchange(session, (), None)).stop
    assert (order.task_id, order.token, order.reason) == (*lease, "changed our mind")
    assert (await hot.exchange.exchange(NOBODY, (), None)).stop == []
    heard = await hot.exchange.hear(DEFAULT_TENANT, session)
    assert (heard.held, heard.stop) == ([], [order])
    assert await hot.exchange.stopped(NOBODY, [lease]) == frozenset()
    assert await hot.exchange.stopped(session, [lease]) == {lease[0]}
    row = await hot.history(lease[0])
    assert (row.status, row.status_reason, row.stopping_until) == ("CANCELLED", "changed our mind", None)
    assert (row.executor_id, row.token, row.attempt) == ("e1", lease[1], 1)
    assert (await hot.exchange.exchange(session, (), None)).stop == []
    assert await hot.exchange.stopped(session, [lease]) == frozenset()
    assert len(await hot.events("TaskCancelled")) == 1


async def test_what_took_too_long_is_tried_again_only_after_it_has_stopped(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    await end_for_taking_too_long(hot, session)
    row = await hot.live(lease[0])
    assert (row.status, row.gate, row.executor_id) == ("WAITING_RETRY", "TIME", "e1")
    (order,) = (await hot.exchange.exchange(session, (), None)).stop
    assert order.reason == TOO_LONG.message
    async with hot.begin() as work:
        assert await work.queue.open_due(row.ready_at, 10) == {}
        assert await work.queue.next_opening() is None
    assert await hot.exchange.stopped(session, [lease]) == {lease[0]}
    row = await hot.live(lease[0])
    assert (row.status, row.stopping_until, row.executor_id, row.claim_id) == ("WAITING_RETRY", None, None, None)
    async with hot.begin() as work:
        assert await work.queue.next_opening() == row.ready_at
        assert await work.queue.open_due(row.ready_at, 10) == {row.lane: 1}
        await work.commit()
    (task,) = await hot.claim(session)
    assert (task.id, task.attempt) == (lease[0], 2)


async def test_what_is_not_stopping_cannot_have_stopped(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    assert await hot.exchange.stopped(session, [lease]) == frozenset()
    assert await hot.exchange.stopped(session, []) == frozenset()
    assert (await hot.live(lease[0])).status == "RUNNING"


async def test_a_log_is_kept_once_and_in_order_however_often_it_is_sent(hot: HotTasks) -> None:
    session = await hot.session()
    first, second = await hot.running(session, 2)
    sent = [batch(first, 2, "c"), batch(first, 1, "a", "b"), batch(second, 1, "x")]
    answers = await asyncio.gather(*(hot.exchange.log(session, sent) for _ in range(4)))
    assert set(answers) == {frozenset({first[0], second[0]})}
    assert await hot.exchange.log(session, [batch(first, 1, "another text"), batch(first, 1, "twice")]) == {first[0]}
    log = await rows(hot.store, task_logs, task_logs.c.task_id == first[0])
    assert [(row.token, row.sequence, row.attempt, row.lines) for row in log] == [
        (first[1], 1, 1, lines("a", "b")),
        (first[1], 2, 1, lines("c")),
    ]


async def test_what_comes_without_a_number_is_kept_after_the_last_that_has_one(hot: HotTasks) -> None:
    session = await hot.session()
    first, second = await hot.running(session, 2)
    assert await hot.exchange.log(session, [batch(first, 7, "a")]) == {first[0]}
    sent = [batch(first, 0, "b"), batch(second, 0, "x"), batch(first, 0, "c"), batch(first, 8, "numbered")]
    assert await hot.exchange.log(session, sent) == {first[0], second[0]}
    assert await hot.exchange.log(NOBODY, sent) == frozenset()
    await asyncio.gather(*(hot.exchange.log(session, [batch(second, 0, f"{n}")]) for n in range(8)))
    log = await rows(hot.store, task_logs, task_logs.c.task_id == first[0])
    told = [(7, lines("a")), (8, lines("numbered")), (9, lines("b")), (10, lines("c"))]
    assert [(row.sequence, row.lines) for row in log] == told
    log = await rows(hot.store, task_logs, task_logs.c.task_id == second[0])
    assert [row.sequence for row in log] == list(range(1, 10))
    assert {row.lines for row in log} == {lines(text) for text in ("x", *map(str, range(8)))}


async def test_a_stopping_attempt_may_still_write_and_one_without_a_lease_may_not(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    await cancel(hot, lease[0])
    assert await hot.exchange.log(session, [batch(lease, 1, "terminating")]) == {lease[0]}
    assert await hot.exchange.log(NOBODY, [batch(lease, 2, "me too")]) == frozenset()
    await hot.exchange.stopped(session, [lease])
    assert await hot.exchange.log(session, [batch(lease, 3, "too late")]) == frozenset()
    assert [row.sequence for row in await rows(hot.store, task_logs)] == [1]


def standing(lease: Lease, progress: float | None = None, checkpoint: str | None = None) -> Standing:
    text = None if checkpoint is None else JsonText(checkpoint)
    return Standing(task_id=lease[0], token=lease[1], progress=progress, checkpoint=text)


async def test_how_far_an_attempt_is_stands_at_the_task(hot: HotTasks) -> None:
    session = await hot.session()
    first, second = await hot.running(session, 2)
    said = [standing(second, 0.25, '{"page": 1}'), standing(first, checkpoint="[1]")]
    assert await hot.exchange.stand(session, said) == {first[0], second[0]}
    assert await hot.exchange.stand(session, [standing(second, 0.5)]) == {second[0]}
    assert [((row := await hot.live(id_)).progress, row.checkpoint) for id_, _ in (first, second)] == [
        (None, "[1]"),
        (0.5, '{"page": 1}'),
    ]
    assert await hot.exchange.stand(session, []) == frozenset()


async def test_a_message_belongs_to_the_progress_that_it_came_with(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    seen = []
    for said in (
        {"progress": 0.25, "message": "table 3 of 12"},
        {"checkpoint": JsonText('{"page": 3}')},
        {"progress": 0.5},
        {"progress": 0.75, "message": "nearly"},
    ):
        await hot.exchange.stand(session, [Standing(task_id=lease[0], token=lease[1], **said)])
        row = await hot.live(lease[0])
        seen.append((row.progress, row.progress_message))
    assert seen == [(0.25, "table 3 of 12"), (0.25, "table 3 of 12"), (0.5, None), (0.75, "nearly")]
    await hot.settle(session, ended(lease))
    assert (await hot.history(lease[0])).progress_message == "nearly"


async def test_only_who_holds_the_lease_says_how_far_it_is(hot: HotTasks) -> None:
    session = await hot.session()
    lease, stopping, done = await hot.running(session, 3)
    await cancel(hot, stopping[0])
    await hot.settle(session, complete(*done, ONE))
    wrong = [standing((lease[0], lease[1] + 1), 0.5), standing((TaskId(uuid4()), 1), 0.5), standing(done, 0.5)]
    assert await hot.exchange.stand(session, wrong) == frozenset()
    assert await hot.exchange.stand(NOBODY, [standing(lease, 0.5)]) == frozenset()
    assert (await hot.live(lease[0])).progress is None
    assert await hot.exchange.stand(session, [standing(stopping, checkpoint="7")]) == {stopping[0]}
    assert (await hot.live(stopping[0])).checkpoint == "7"


async def test_the_next_attempt_goes_on_from_the_checkpoint_of_the_last(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    await hot.exchange.stand(session, [standing(lease, 0.5, '{"page": 7}')])
    now, (attempt,) = await hot.exchange.attempts(session, [lease])
    await hot.settle(session, lose(attempt, "draining", now))
    (task,) = await hot.claim(session)
    assert (task.id, task.checkpoint) == (lease[0], '{"page": 7}')
    assert (await hot.live(task.id)).progress is None


async def test_a_snoozed_attempt_is_counted_apart_and_known_when_it_is_told_again(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    now, (attempt,) = await hot.exchange.attempts(session, [lease])
    asleep = snooze(attempt, "the file is not there yet", timedelta(minutes=5), now)
    assert await hot.settle(session, asleep) == {lease[0]}
    row = await hot.live(lease[0])
    assert (row.status, row.gate, row.snoozed, row.lost) == ("WAITING_RETRY", "TIME", 1, 0)
    assert row.ready_at == now + timedelta(minutes=5)
    assert [r.status for r in await rows(hot.store, task_attempts)] == ["SNOOZED"]
    assert await hot.exchange.miss(session, [ended(lease, FAILED, error=asleep.error)]) == {lease: ALREADY}
    assert await rows(hot.store, orphan_results) == []
    await hot.put(lease[0], gate=None)
    (task,) = await hot.claim(session)
    _, (again,) = await hot.exchange.attempts(session, leases([task]))
    assert (again.number, again.snoozed, again.failures) == (2, 1, 1)


async def test_a_handler_may_cancel_its_task(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    end = cancelled(*lease, "the customer is gone")
    assert await hot.settle(session, end) == {lease[0]}
    row = await hot.history(lease[0])
    assert (row.status, msgspec.json.decode(row.error)["message"]) == ("CANCELLED", "the customer is gone")
    assert len(await hot.events("TaskCancelled")) == 1
    assert await hot.exchange.miss(session, [end]) == {lease: ALREADY}


async def test_a_heartbeat_is_compared_with_what_the_session_holds(hot: HotTasks) -> None:
    session = await hot.session()
    here, gone = await hot.running(session, 2)
    held = await held_by(hot, session)
    assert {(h.task_id, h.token, h.absences) for h in held} == {(*here, 0), (*gone, 0)}
    assert held[0].claimed_at == (await hot.live(held[0].task_id)).claimed_at
    for _ in range(2):
        await hot.exchange.count_absences(session, [gone[0]], [here[0]])
    await hot.exchange.count_absences(NOBODY, [here[0]], [gone[0]])
    assert {h.task_id: h.absences for h in await held_by(hot, session)} == {here[0]: 0, gone[0]: 2}
    await hot.exchange.count_absences(session, [], [gone[0], here[0]])
    assert {h.absences for h in await held_by(hot, session)} == {0}
    assert not await held_by(hot, NOBODY)


async def test_beats_without_what_is_to_stop_are_counted_too(hot: HotTasks) -> None:
    session = await hot.session()
    (stopping,) = await hot.running(session)
    async with hot.begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, stopping[0])
        task.cancel("enough", work.now)
        await work.tasks.save(task)
        await work.commit()

    async def absences() -> list[int]:
        return [order.absences for order in (await hot.exchange.hear(DEFAULT_TENANT, session)).stop]

    assert await absences() == [0]
    await hot.exchange.count_absences(session, [stopping[0]], [])
    assert await absences() == [1]
    await hot.exchange.count_absences(session, [], [stopping[0]])
    assert await absences() == [0]


async def test_a_repeated_report_is_already_known_however_its_attempt_ended(hot: HotTasks) -> None:
    session = await hot.session()
    done, failed, again, back = await hot.running(session, 4)
    now, attempts = await hot.exchange.attempts(session, [again, back])
    facts = {attempt.task_id: attempt for attempt in attempts}
    first = [
        complete(*done, ONE),
        ended(failed, FAILED, error=FLAKY),
        fail(facts[again[0]], FLAKY, now, 0.5),
        lose(facts[back[0]], "draining", now),
    ]
    assert len(await hot.settle(session, *first)) == 4
    repeated = [
        complete(*done, ONE),
        ended(failed, FAILED, error=FLAKY),
        ended(again, FAILED, error=FLAKY),
        ended(back, FAILED),
    ]
    known = dict.fromkeys((done, failed, again, back), ALREADY)
    assert await hot.exchange.miss(session, repeated) == known
    await hot.claim(session)
    assert await hot.exchange.miss(session, repeated) == known
    assert await rows(hot.store, orphan_results) == []


async def test_a_result_that_comes_too_late_is_kept_as_an_orphan_and_changes_nothing(hot: HotTasks) -> None:
    session = await hot.session()
    (late,) = await hot.running(session)
    now, (attempt,) = await hot.exchange.attempts(session, [late])
    await hot.settle(session, lose(attempt, "it was silent", now))
    (again,) = leases(await hot.claim(session))
    report = complete(*late, JsonText('{"n": 1.50}'))
    assert await hot.settle(session, report) == frozenset()
    for _ in range(2):
        assert await hot.exchange.miss(session, [report]) == {late: LEASE_LOST}
    (orphan,) = await rows(hot.store, orphan_results)
    assert (orphan.task_id, orphan.token, orphan.executor_id) == (*late, "e1")
    assert (orphan.status, orphan.result, orphan.error) == ("COMPLETED", '{"n": 1.50}', None)
    assert orphan.reported_at >= now
    assert (await hot.live(again[0])).token == again[1]
    assert await hot.settle(session, ended(again)) == {again[0]}
    failure = ended(late, FAILED, error=FLAKY)
    assert await hot.exchange.miss(session, [failure]) == {late: LEASE_LOST}


async def test_the_result_of_a_cancelled_attempt_is_an_orphan_too(hot: HotTasks) -> None:
    session = await hot.session()
    stopping, gone = await hot.running(session, 2)
    for lease in (stopping, gone):
        await cancel(hot, lease[0])
    await hot.exchange.stopped(session, [gone])
    reports = [complete(*stopping, ONE), ended(gone, FAILED, error=FLAKY)]
    assert await hot.settle(session, *reports) == frozenset()
    assert set((await hot.exchange.miss(session, reports)).values()) == {LEASE_LOST}
    orphans = await rows(hot.store, orphan_results)
    assert {(row.task_id, row.status) for row in orphans} == {(stopping[0], "COMPLETED"), (gone[0], "FAILED")}
    assert (await hot.live(stopping[0])).status == "CANCELLED"


async def test_reports_about_tasks_that_never_were_leave_nothing_behind(hot: HotTasks) -> None:
    session = await hot.session()
    unknown = (TaskId(uuid4()), 7)
    assert await hot.exchange.miss(session, [complete(*unknown, ONE)]) == {unknown: LEASE_LOST}
    (lease,) = await hot.running(session)
    assert await hot.exchange.miss(session, [ended((lease[0], 7_000), FAILED)]) == {(lease[0], 7_000): LEASE_LOST}
    assert await rows(hot.store, orphan_results) == []


async def test_what_was_never_started_cannot_complete_and_keeps_its_lease(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session, started=False)
    report = complete(*lease, ONE)
    assert await hot.settle(session, report) == frozenset()
    assert await hot.exchange.miss(session, [report]) == {lease: INVALID}
    assert await rows(hot.store, orphan_results) == []
    assert await hot.count(tasks) == {"ASSIGNED": 1}
    assert await hot.exchange.start(session, [lease]) == {lease[0]}
    assert await hot.settle(session, report) == {lease[0]}
    assert await hot.count(task_history) == {"COMPLETED": 1}


async def test_two_leases_of_one_task_are_judged_each_for_itself(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    never = lease[0], lease[1] + 7_000
    assert await hot.settle(session, complete(*lease, ONE)) == {lease[0]}
    for reports in ([complete(*lease, ONE), complete(*never, ONE)], [complete(*never, ONE), complete(*lease, ONE)]):
        assert await hot.exchange.miss(session, reports) == {lease: ALREADY, never: LEASE_LOST}
