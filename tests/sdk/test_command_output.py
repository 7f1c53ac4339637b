"""The output of a command reaches the log line by line, in order and within bounds."""

from __future__ import annotations

import sys

from scheduler_sdk.execution.budget import OutputLimit
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def test_both_streams_keep_their_order(server: FakeServer, crew: Crew) -> None:
    # Without a pause both pipes are readable at once, and no one can say which was written first.
    task = await server.command("for i in 1 2 3; do echo out $i; sleep 0.05; echo err $i >&2; sleep 0.05; done")
    await crew.start()
    await server.ended(task)
    assert task.output == ["out 1", "err 1", "out 2", "err 2", "out 3", "err 3"]
    assert [line["stream"] for line in task.lines] == ["stdout", "stderr"] * 3
    assert [line["at"] for line in task.lines] == sorted(line["at"] for line in task.lines)


async def test_lines_arrive_while_the_command_still_runs(server: FakeServer, crew: Crew) -> None:
    task = await server.command("echo first; sleep 600")
    await crew.start()
    await server.until(lambda: task.output == ["first"])
    assert task.status == "RUNNING"


async def test_all_lines_come_before_the_end_of_the_task(server: FakeServer, crew: Crew) -> None:
    tasks = [await server.command("seq 1 3000; exit $((RANDOM % 2))") for _ in range(5)]
    await crew.start()
    await server.ended(*tasks)
    for task in tasks:
        kinds = [report["kind"] for report in task.reports]
        assert set(kinds[:-1]) == {"LOG"}
        assert kinds[-1] in ("COMPLETE", "FAIL")
        assert task.output == [str(number) for number in range(1, 3001)]
        assert len(kinds) < 20  # in batches
        assert not task.orphans


async def test_the_last_line_needs_no_end(server: FakeServer, crew: Crew) -> None:
    task = await server.command("printf 'a\\r\\n\\nb'; printf c >&2")
    await crew.start()
    await server.ended(task)
    assert sorted(task.output) == ["", "a", "b", "c"]


async def test_binary_output_is_shown_as_text(server: FakeServer, crew: Crew) -> None:
    task = await server.command(
        python(r"import sys; sys.stdout.buffer.write(b'caf\xe9 \x00 \xff\xfe\n\xf0\x9f\x98\x80\n')")
    )
    await crew.start()
    await server.ended(task)
    assert task.output == ["caf\ufffd \ufffd \ufffd\ufffd", "😀"]


async def test_a_line_without_an_end_is_cut(server: FakeServer, crew: Crew) -> None:
    code = r"import sys; sys.stdout.write('x' * 3_000_000 + '\nnext\n' + 'é' * 16384 + '\n' + 'y' * 16384 + '\n')"
    task = await server.command(python(code))
    await crew.start()
    await server.ended(task)
    cut, following, wide, exact = task.output
    assert cut == "x" * (16 * 1024 - len(" … [line cut at 16 KiB]".encode())) + " … [line cut at 16 KiB]"
    assert following == "next"
    assert wide.startswith("éé")
    assert wide.endswith("[line cut at 16 KiB]")
    assert 16 * 1024 - 2 < len(wide.encode()) <= 16 * 1024
    assert exact == "y" * 16384


async def test_megabytes_of_output_are_bounded_and_do_not_block_the_command(server: FakeServer, crew: Crew) -> None:
    bytes_ = await server.command(python(r"for i in range(40_000): print('x' * 999)"))
    lines = await server.command(["seq", "1", "500000"])
    await crew.start()
    await server.ended(bytes_, lines)
    assert bytes_.status == lines.status == "COMPLETED"
    assert len(bytes_.lines) == 1024 * 1024 // 999 + 1
    assert len(lines.lines) == 10_000 + 1
    remark = lines.lines[-1]
    assert (remark["stream"], remark["level"]) == ("worker", "WARN")
    assert "10,000 lines" in remark["message"]
    assert "490,000 more lines" in remark["message"]
    assert f"{40_000 - len(bytes_.lines) + 1:,} more lines" in bytes_.output[-1]


async def test_the_limit_can_be_chosen(server: FakeServer, crew: Crew) -> None:
    task = await server.command("echo 1; echo 2 >&2; seq 3 9")
    await crew.start(output_limit=OutputLimit(lines=4))
    await server.ended(task)
    assert len(task.output) == 5
    assert "5 more lines (10 bytes) were dropped" in task.output[-1]


async def test_a_command_may_close_its_output_and_go_on(server: FakeServer, crew: Crew) -> None:
    task = await server.command("echo before; exec >&- 2>&-; sleep 0.2; exit 4")
    await crew.start()
    await server.ended(task)
    assert (task.error["message"], task.output) == ("exit code 4", ["before"])
