"""Every report is delivered once, in order per task, whatever becomes of the calls that carry it."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.json import decode

from scheduler_sdk.execution import outbox as module
from scheduler_sdk.execution.attempt import Attempt, Ending
from scheduler_sdk.execution.budget import OutputBudget, OutputLimit
from scheduler_sdk.execution.outbox import Batch, Outbox
from scheduler_sdk.wire import Item, Report


def attempt(token: int) -> Attempt:
    return Attempt(Item(str(token), token, 1, "a-job", "COMMAND"), 5.0, OutputBudget(OutputLimit()))


def message(report: Raw) -> int:
    return int(decode(report)["message"])


def put(outbox: Outbox, to: Attempt, number: int, size: int = 0) -> None:
    padding = Raw(b'"' + b"x" * size + b'"')
    outbox.put(to, Report(to.item.task_id, to.item.token, "LOG", message=str(number), checkpoint=padding))


@patch.object(module, "MOST_BYTES", 4_096)
@given(data=st.data())
def test_reports_are_delivered_once_and_in_order(data: st.DataObject) -> None:
    outbox = Outbox(lambda: None)
    attempts = [attempt(token) for token in range(1, 5)]
    sent: dict[int, list[int]] = {token: [] for token in range(1, 5)}
    received: dict[int, list[int]] = {token: [] for token in range(1, 5)}
    under_way: list[Batch] = []

    def deliver(batch: Batch) -> None:
        for each, _, report in batch:
            received[each.item.token].append(message(report))
        outbox.settle(batch)

    for number in range(data.draw(st.integers(0, 40))):
        act = data.draw(st.sampled_from(["put", "put", "take", "settle", "restore", "refuse"]))
        if act == "put":
            to = data.draw(st.sampled_from(attempts))
            sent[to.item.token].append(number)
            put(outbox, to, number, data.draw(st.sampled_from([0, 0, 3_000])))
        elif act == "take":
            if batch := outbox.take():
                under_way.append(batch)
                assert sum(len(memoryview(report)) for _, _, report in batch) <= module.MOST_BYTES or len(batch) == 1
        elif under_way:
            batch = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
            if act == "settle":
                deliver(batch)
            elif act == "restore" or len(batch) == 1:
                outbox.restore(batch)
            else:
                assert not outbox.refuse(batch)
        carried = [{each.item.token for each, _, _ in batch} for batch in under_way]
        assert sum(len(tokens) for tokens in carried) == len(set().union(*carried))

    for batch in under_way:
        deliver(batch)
    while batch := outbox.take():
        deliver(batch)
    assert received == sent
    assert outbox.bytes == 0
    assert list(outbox.leases()) == []


def test_a_refused_call_is_halved_down_to_the_culprit() -> None:
    outbox = Outbox(lambda: None)
    for token in range(1, 101):
        put(outbox, attempt(token), token)
    dropped: list[int] = []
    delivered: list[int] = []
    while batch := outbox.take():
        numbers = [message(report) for _, _, report in batch]
        if 37 in numbers:
            if outbox.refuse(batch):
                dropped += numbers
        else:
            outbox.settle(batch)
            delivered += numbers
    assert dropped == [37]
    assert sorted(delivered) == [number for number in range(1, 101) if number != 37]


async def test_what_nobody_would_listen_to_is_forgotten() -> None:
    outbox = Outbox(lambda: None)
    first, second = attempt(1), attempt(2)
    for to in (first, first, second):
        put(outbox, to, 0)
    first.ending = Ending.SILENT
    assert [lease.token for lease in outbox.leases()] == [2]
    outbox.forget(first)
    batch = outbox.take()
    assert [each for each, _, _ in batch] == [second]
    outbox.settle(batch)
    assert outbox.bytes == 0
    await outbox.emptied()
