"""The tutorials, as they are written, against a real platform.

A comment ahead of a block says what is special about it: `file: NAME` saves it, `in a terminal of its own` leaves it
running while the rest is done, `shows: TEXT` is what must be seen when it is run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.programs import PATIENCE
from tests.processes import free_port, start

ROOT = Path(__file__).parents[2]
TUTORIALS = sorted((ROOT / "docs" / "tutorial").glob("*.md"))

NOTES = ("file:", "in a terminal of its own", "shows:")
_BLOCK = re.compile(r"((?:<!-- [^\n]* -->\n)*)```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """What a reader pastes or saves, and what the comments ahead of it say."""

    language: str
    text: str
    notes: tuple[str, ...]

    def noted(self, word: str) -> list[str]:
        return [note.removeprefix(f"{word}:").strip() for note in self.notes if note.startswith(word)]


def blocks(page: Path) -> list[Block]:
    found = _BLOCK.findall(page.read_text(encoding="utf-8"))
    read = [Block(kind, text, tuple(re.findall(r"<!-- (.*?) -->", notes))) for notes, kind, text in found]
    assert all(note.startswith(NOTES) for block in read for note in block.notes)
    return read


@contextmanager
def terminal(room: Path, command: str, environment: dict[str, str]) -> Iterator[Path]:
    """Leaves a command running; what it says is in the file."""
    room.mkdir()
    assigned = [f"{name}={value}" for name, value in environment.items()]
    process = start(["env", *assigned, "bash", "-c", f"cd .. && exec {command}"], room)
    try:
        yield room / "log"
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def paste(block: Block, room: Path, environment: dict[str, str], log: Path | None) -> None:
    """Runs a block as a reader would; what it promises to show must be seen."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        cwd=room,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    seen = done.stdout + done.stderr
    assert done.returncode == 0, f"{block.text}\n{seen}\n{log.read_text() if log else ''}"
    for promised in block.noted("shows"):
        assert promised in seen, f"{promised!r} is not shown by\n{block.text}\n{seen}"


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_works_as_written(page: Path, tmp_path: Path) -> None:
    port = str(free_port())
    paths = os.pathsep.join([str(ROOT), str(ROOT / "sdk" / "python"), os.environ.get("PYTHONPATH", "")])
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": paths,
        "PORT": port,
        "SCHEDULER_URL": f"http://127.0.0.1:{port}",
        **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE")},
    }
    log = None
    with ExitStack() as terminals:
        for number, block in enumerate(blocks(page)):
            if block.noted("file"):
                (tmp_path / block.noted("file")[0]).write_text(block.text, encoding="utf-8")
            elif block.noted("in a terminal of its own"):
                log = terminals.enter_context(terminal(tmp_path / f"terminal-{number}", block.text, environment))
            else:
                assert block.language == "sh", f"nobody knows what to do with this:\n{block.text}"
                paste(block, tmp_path, environment, log)


def test_there_is_a_tutorial() -> None:
    assert TUTORIALS


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_of_a_page_leads_nowhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
