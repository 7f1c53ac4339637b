"""Text on the wire is bounded and clean, however it was cut into pieces."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from scheduler_sdk.command.output import LineSplitter
from scheduler_sdk.execution.budget import OutputBudget, OutputLimit
from scheduler_sdk.execution.text import LINE_BYTES, bounded, bounded_tail

SAMPLES = st.text(st.characters(codec=None), max_size=60) | st.text("a\x00é😀\ud800", max_size=60)


@given(text=SAMPLES, limit=st.integers(8, 64))
def test_bounded_text_is_clean_fits_and_keeps_its_beginning(text: str, limit: int) -> None:
    result = bounded(text, limit)
    assert len(result.encode()) <= limit
    assert "\x00" not in result
    clean = text.encode(errors="replace").decode().replace("\x00", "\ufffd")
    if len(clean.encode()) <= limit:
        assert result == clean
    else:
        assert result.endswith(" …")
        assert clean.startswith(result.removesuffix(" …"))


@given(text=SAMPLES, limit=st.integers(8, 64))
def test_bounded_tail_keeps_the_end(text: str, limit: int) -> None:
    result = bounded_tail(text, limit)
    assert len(result.encode()) <= limit
    clean = text.encode(errors="replace").decode().replace("\x00", "\ufffd")
    assert clean.endswith(result.removeprefix("… "))
    assert (result == clean) == (len(clean.encode()) <= limit)


def split(stream: bytes, pieces: list[int]) -> list[str]:
    splitter = LineSplitter()
    lines: list[str] = []
    for size in pieces:
        lines += splitter.feed(stream[:size])
        stream = stream[size:]
    return [*lines, *splitter.feed(stream), *splitter.close()]


BLOCKS = st.sampled_from([b"a", b"\n", b"\r\n", b"\r", "é".encode(), b"\xff", b"x" * 5000, b"y" * LINE_BYTES])


@given(blocks=st.lists(BLOCKS, max_size=30), pieces=st.lists(st.integers(0, 20_000), max_size=20))
@example(blocks=[b"y" * LINE_BYTES, b"\r\n", b"z"], pieces=[LINE_BYTES + 1])
@example(blocks=[b"y" * LINE_BYTES, b"\r", b"z"], pieces=[LINE_BYTES + 1])
def test_lines_do_not_depend_on_the_pieces_they_arrive_in(blocks: list[bytes], pieces: list[int]) -> None:
    stream = b"".join(blocks)
    lines = split(stream, pieces)
    whole = stream.split(b"\n")
    if not whole[-1]:
        whole.pop()
    assert len(lines) == len(whole)
    for line, raw in zip(lines, whole, strict=True):
        text = raw.removesuffix(b"\r") if len(raw) <= LINE_BYTES + 1 else raw
        assert line == text[: LINE_BYTES + 1].decode(errors="replace")


def test_a_stream_without_an_end_of_line_takes_bounded_memory() -> None:
    splitter = LineSplitter()
    lines = [line for _ in range(1000) for line in splitter.feed(b"x" * 100_000)]
    assert len(lines) == 1
    assert splitter.discard() == 0


@given(sizes=st.lists(st.integers(0, 20), max_size=50))
def test_a_budget_admits_a_beginning_and_counts_the_rest(sizes: list[int]) -> None:
    budget = OutputBudget(OutputLimit(lines=10, bytes=60))
    admitted = [size for size in sizes if budget.admit(size)]
    assert admitted == sizes[: len(admitted)]
    assert len(admitted) <= 10
    assert sum(admitted) <= 60
    assert budget.dropped_lines == len(sizes) - len(admitted)
    assert (budget.remark() is None) == (len(admitted) == len(sizes))
